"""What happens to facts on their way: they are lost, doubled, late, in disorder; and who tells them falls silent."""

from collections.abc import Iterable, Iterator
from random import Random

from msgspec import Struct

from fleetwire.fleet.events import Account, AccountPositions, DealReport, ExpertReport, Fact
from fleetwire.sources.simulator import Simulator
from fleetwire.sources.simulator.account import SimulatedAccount

AccountId = tuple[str, int]
Batch = tuple[int, list[Fact]]


class Rates(Struct, frozen=True, kw_only=True):
    """How likely each fault is: for a fact, if nothing else is said.

    Args:
        lost: it does not arrive; a deal is told again in the account's next full resync.
        doubled: it arrives a second time, some steps later or at once.
        late: it arrives some steps later.
        late_steps: so many at most.
        shuffled: the facts of a step arrive in another order (for a step).
        silent: an expert falls silent (for an expert and a step).
        silent_steps: for so many steps at most.
        cut_off: a terminal falls silent, with its deals (for an account and a step).
        restarted: an expert begins a new run (for an expert and a step).
        resync: an account tells everything once more (for an account and a step).
    """

    lost: float = 0.02
    doubled: float = 0.03
    late: float = 0.03
    late_steps: int = 12
    shuffled: float = 0.2
    silent: float = 0.0005
    silent_steps: int = 60
    cut_off: float = 0.0004
    restarted: float = 0.0002
    resync: float = 0.002


WILD = Rates(
    lost=0.15,
    doubled=0.1,
    late=0.2,
    late_steps=40,
    shuffled=0.8,
    silent=0.004,
    cut_off=0.003,
    restarted=0.003,
    resync=0.01,
)
NONE = Rates(lost=0, doubled=0, late=0, shuffled=0, silent=0, cut_off=0, restarted=0, resync=0)


def account_of(fact: Fact) -> AccountId | None:
    """Tell whose terminal says a fact; None for prices, news and commands."""
    if isinstance(fact, Account | AccountPositions):
        return fact.server, fact.login
    if isinstance(fact, ExpertReport):
        return fact.expert.server, fact.expert.login
    return fact.account if isinstance(fact, DealReport) else None


class Faults:
    """Carries what a simulator tells, with faults. The same seed makes the same ones.

    `deals` are all that ever happened, by account and ticket: in the end, each has arrived at least once.

    Args:
        simulator: whose facts are carried.
        seed: decides what goes wrong.
        rates: how often.
    """

    def __init__(self, simulator: Simulator, seed: int, rates: Rates) -> None:
        self._simulator = simulator
        self._random = Random(f"{seed} faults")
        self._rates = rates
        self._accounts = {(account.server.name, account.login): account for account in simulator.accounts}
        self.deals: dict[AccountId, dict[int, DealReport]] = {name: {} for name in self._accounts}
        self.counts: dict[str, int] = dict.fromkeys(Rates.__struct_fields__, 0)
        self._later: dict[int, list[Fact]] = {}  # by the number of the step
        self._silent: dict[AccountId | int | None, int] = {}  # accounts and experts, until which step
        self._step = 0

    def carry(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Give what arrives, step by step."""
        for utc_ms, facts in batches:
            self._step += 1
            self._note(facts)
            self._begin()
            arriving = [*self._later.pop(self._step, ()), *self._resyncs()]
            for fact in facts:
                arriving += self._carry(fact)
            if self._happens("shuffled"):
                self._random.shuffle(arriving)
            yield utc_ms, arriving

    def last_words(self) -> list[Fact]:
        """Give what arrives once all is well again: what was late, then everything from every terminal."""
        facts = [fact for step in sorted(self._later) for fact in self._later[step]]
        self._later.clear()
        self._silent.clear()
        for account in self._simulator.accounts:
            account.down = False
            if not account.connected:
                account.connect()
            self._note(account.tell_deals())
        for expert in self._simulator.experts:
            expert.silent = False
        for account in self._simulator.accounts:
            facts += self.resync(account)
        return facts

    def resync(self, account: SimulatedAccount) -> Iterator[Fact]:
        """Tell all that a terminal knows: its deals, its account, its positions, its experts."""
        yield from self.deals[account.server.name, account.login].values()
        yield account.report()
        yield account.positions_report()
        for expert in self._simulator.experts:
            if expert.account is account and not expert.silent and expert.ea_id not in self._silent:
                yield expert.report()

    def _note(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, DealReport):
                self.deals[fact.account][fact.deal.ticket] = fact

    def _happens(self, what: str) -> bool:
        happens = self._random.random() < getattr(self._rates, what)
        self.counts[what] += happens
        return happens

    def _begin(self) -> None:
        """Let silences end and begin, and experts begin new runs."""
        self._silent = {who: until for who, until in self._silent.items() if until > self._step}
        steps_max = self._rates.silent_steps
        for name in self._accounts:
            if self._happens("cut_off"):
                self._silent[name] = self._step + self._random.randint(1, steps_max)
        for expert in self._simulator.experts:
            if self._happens("silent"):
                self._silent[expert.ea_id] = self._step + self._random.randint(1, steps_max)
            if self._happens("restarted"):
                expert.restart()

    def _resyncs(self) -> Iterator[Fact]:
        for name, account in self._accounts.items():
            if name not in self._silent and not account.down and self._happens("resync"):
                yield from self.resync(account)

    def _carry(self, fact: Fact) -> Iterator[Fact]:
        """Give what arrives of a fact in this step."""
        says = account_of(fact)
        if says in self._silent or (isinstance(fact, ExpertReport) and fact.ea_id in self._silent):
            return
        if says is not None and self._happens("lost"):
            return
        if self._happens("late"):
            self._send_later(fact)
            return
        yield fact
        if self._happens("doubled"):
            if self._random.random() < 0.5:
                yield fact
            else:
                self._send_later(fact)

    def _send_later(self, fact: Fact) -> None:
        step = self._step + self._random.randint(1, self._rates.late_steps)
        self._later.setdefault(step, []).append(fact)
