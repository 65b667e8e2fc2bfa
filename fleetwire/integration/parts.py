"""Parts of a fleet: what is whose, who may see it, and who may speak of it."""

from fleetwire.fleet.account import AccountState, account_name
from fleetwire.fleet.events import (
    TRADE_TYPES,
    Account,
    AccountPositions,
    CommandAck,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    PriceReport,
)
from fleetwire.fleet.expert import ExpertState
from fleetwire.fleet.state import Fleet
from fleetwire.ports import FleetPart
from fleetwire.wire.errors import ForbiddenError
from fleetwire.wire.labels import Labels, account_label, expert_label, group_label, may_see
from fleetwire.wire.rows import AlertRow
from fleetwire.wire.tokens import Binding, Reporter


def labels_of_expert(expert: ExpertState) -> frozenset[str]:
    """Label an expert: itself, its account, its group."""
    labels = [expert_label(expert.ea_id), account_label(account_name(expert.account.id))]
    group = expert.report.group
    return frozenset([*labels, group_label(group)] if group else labels)


def labels_of_account(account: AccountState) -> frozenset[str]:
    """Label what belongs to an account, and to no expert."""
    return frozenset((account_label(account_name(account.id)),))


def labels_of_deal(account: AccountState, expert: ExpertState | None) -> frozenset[str]:
    """Label what an expert did on an account, or nobody's expert."""
    return labels_of_account(account) | (labels_of_expert(expert) if expert is not None else frozenset())


def labels_of_alert(fleet: Fleet, row: AlertRow) -> frozenset[str]:
    """Label an alert; one about no expert and no account is for those who hear everything."""
    if row.ea_id is not None:
        expert = fleet.experts.get(row.ea_id)
        return labels_of_expert(expert) if expert is not None else frozenset((expert_label(row.ea_id),))
    return frozenset((account_label(row.account),)) if row.account is not None else frozenset()


def part_of(fleet: Fleet, scope: frozenset[str]) -> FleetPart:
    """Find what somebody may see of a fleet."""
    accounts = (id_ for id_ in fleet.accounts if account_label(account_name(id_)) in scope)
    experts = (ea_id for ea_id, expert in fleet.experts.items() if may_see(scope, labels_of_expert(expert)))
    return FleetPart(frozenset(accounts), frozenset(experts))


def sees_subject(fleet: Fleet, scope: Labels, subject: str) -> bool:
    """Tell whether somebody may see a subject: `ea:1007`, `account:Server/5`, or `currency:EUR`."""
    if scope is None or subject in scope:  # subjects and labels are named alike
        return True
    kind, _, name = subject.partition(":")
    expert = fleet.experts.get(int(name)) if kind == "ea" and name.isdecimal() else None
    return expert is not None and may_see(scope, labels_of_expert(expert))


def check_reporter(fleet: Fleet, reporter: Reporter, fact: Fact) -> None:
    """Let nobody speak of what is not theirs.

    Raises:
        ForbiddenError: this one may not report this fact; says what it may.
    """
    if isinstance(fact, CommandAck):
        return  # judged by the way it came: only experts that were reported there have a say
    if reporter.expert is not None:
        if not _is_own(reporter.expert, fact) or _is_of_another(fleet, reporter.expert, fact):
            own = f"{reporter.expert.server}/{reporter.expert.login}, magic {reporter.expert.magic}"
            raise ForbiddenError(
                f"this token is of the expert {own}: it reports itself, its trades, its account, its server's prices"
            )
    elif reporter.scope is not None and not may_see(reporter.scope, _about(fleet, fact)):
        raise ForbiddenError(
            "this token is for a part of the fleet, and this report is about another part, or about all"
        )


def _is_own(own: Binding, fact: Fact) -> bool:
    """Tell whether a fact is one that an expert may report of itself."""
    if isinstance(fact, ExpertReport):
        return own.is_of(fact.expert)
    if isinstance(fact, DealReport):
        if fact.deal.type not in TRADE_TYPES:
            return False
        if fact.expert is not None:
            return own.is_of(fact.expert) and fact.deal.magic in (own.magic, 0)
        return fact.account == (own.server, own.login) and fact.deal.magic == own.magic
    if isinstance(fact, Account):
        return (fact.server, fact.login) == (own.server, own.login)
    return isinstance(fact, PriceReport) and fact.server == own.server


def _is_of_another(fleet: Fleet, own: Binding, fact: Fact) -> bool:
    """Tell whether a deal is of a position that another expert has opened: it would be counted as that one's."""
    if not isinstance(fact, DealReport) or not fact.deal.position_id:
        return False
    account = fleet.accounts.get(fact.account)
    owner = account.owner_of(fact.deal.position_id) if account is not None else None
    return owner is not None and not own.is_of(fleet.experts[owner].expert)


def _known(fleet: Fleet, expert: ExpertId | None) -> ExpertState | None:
    if expert is None:
        return None
    try:
        return fleet.experts[fleet.id_of(expert)]
    except KeyError:
        return None


def _about(fleet: Fleet, fact: Fact) -> frozenset[str]:
    """Label what a fact is about."""
    if isinstance(fact, ExpertReport | DealReport):
        account = fact.account if isinstance(fact, DealReport) else (fact.expert.server, fact.expert.login)
        known = _known(fleet, fact.expert)
        labels = frozenset((account_label(account_name(account)),))
        return labels | (labels_of_expert(known) if known is not None else frozenset())
    if isinstance(fact, Account | AccountPositions):
        return frozenset((account_label(account_name((fact.server, fact.login))),))
    if isinstance(fact, PriceReport):
        return frozenset(account_label(account_name(id_)) for id_ in fleet.accounts if id_[0] == fact.server)
    return frozenset()
