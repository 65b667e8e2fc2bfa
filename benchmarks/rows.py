"""The rows of the benchmark: what is measured, against what, and the figure to reach."""

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from benchmarks.candidates import TOKEN, row
from benchmarks.ingest import EXPERTS, TOGETHER
from benchmarks.native import Figures, LoadError, build, cores, load
from benchmarks.subject import Subject, candidate
from benchmarks.table import median, spread
from fleetwire.wire.messages import SubscribeData

FLEETWIRE = ("-x", "fw", "-t", TOKEN)
LIMIT = ("-x", "ws")
BURST = ("-m", "burst", "-B", "16", "-W", "32")
ONE_BURST = ("-m", "burst", "-B", "16", "-W", "16")
ISOLATED = ("-m", "burst", "-B", "1", "-W", "1")
RATE = 2000
PACED = ("-m", "paced", "-r", str(RATE), "-k", "100")
ONE_EXPERT = '{"type":"subscribe","data":{"channels":["ea_updates:%d"]}}'
NEIGHBOUR = '{"type":"subscribe","data":{"channels":["ea_updates"]}}'
MAX_HZ = 5
SLOWLY = f'{{"type":"subscribe","data":{{"channels":["ea_updates"],"max_hz":{MAX_HZ}}}}}'
SNAPSHOT_ROWS = 500
FLEET = 500

REACHED, SHORT, NO_VERDICT = "reached", "short", "-"


class Scale(NamedTuple):
    """How much is measured. Times in seconds."""

    rounds: int
    seconds: float
    viewers: int
    idle: int
    storm: int
    quick: bool

    @property
    def crowd(self) -> tuple[str, ...]:
        """The client's arguments for it."""
        return ("-n", str(self.viewers), "-T", str(self.seconds))


class Line(NamedTuple):
    """One line of the table, ready to be read."""

    what: str
    ours: str
    limit: str = "-"
    ratio: str = "-"
    spread: str = "-"
    goal: str = "-"
    verdict: str = NO_VERDICT


HEAD = ("what", "fleetwire", "C limit", "ratio", "least-most", "to reach", "")


def verdict(reached: bool) -> str:
    """Say it in a word."""
    return REACHED if reached else SHORT


@contextmanager
def fleetwire(name: str = "fleetwire") -> Iterator[Subject]:
    """Run our server, as one of `benchmarks.candidates`."""
    subject = Subject(candidate(name, cores()[0]))
    try:
        yield subject
    finally:
        subject.end()


@contextmanager
def limit(how: str) -> Iterator[Subject]:
    """Run the C limit, "plain" or "joined"."""
    subject = Subject(["taskset", "-c", str(cores()[0]), str(build("limit")), how])
    try:
        yield subject
    finally:
        subject.end()


def measure_ours(*arguments: str) -> Figures:
    """Measure our server once, in a fresh process."""
    with fleetwire() as subject:
        return load(subject.port, subject.pids(), *FLEETWIRE, *arguments)


def measure_limit(how: str, *arguments: str) -> Figures:
    """Measure the C limit once, in a fresh process."""
    with limit(how) as subject:
        return load(subject.port, subject.pids(), *LIMIT, *arguments)


Rounds = dict[str, list[Figures]]


def in_turns(rounds: int, subjects: dict[str, Callable[[], Figures]]) -> Rounds:
    """Measure each once a round, in turns: a round's neighbours have met the same machine."""
    found: Rounds = defaultdict(list)
    for number in range(rounds):
        for name in list(subjects)[:: -1 if number % 2 else 1]:
            found[name].append(subjects[name]())
    return found


def column(rounds: Sequence[Figures], figure: str) -> list[float]:
    """Take one figure out of all rounds."""
    return [one[figure] for one in rounds]


def ratios(ours: Sequence[Figures], floor: Sequence[Figures], figure: str) -> list[float]:
    """Divide ours by the limit's, round by round."""
    return [one[figure] / other[figure] for one, other in zip(ours, floor, strict=True)]


def _delivery(scale: Scale, what: str, how: str, arguments: Sequence[str], at_most: float) -> list[Line]:
    rounds = in_turns(
        scale.rounds,
        {
            "ours": lambda: measure_ours(*arguments, *scale.crowd),
            "limit": lambda: measure_limit(how, *arguments, *scale.crowd),
        },
    )
    ours, floor = rounds["ours"], rounds["limit"]
    found = ratios(ours, floor, "us_per_delivery")
    joined = median(column(ours, "messages_per_read"), ".0f"), median(column(floor, "messages_per_read"), ".0f")
    return [
        Line(
            f"CPU per delivery, {what}, {scale.viewers:,} viewers (a write: {joined[0]}, C {joined[1]})",
            f"{median(column(ours, 'us_per_delivery'))} us",
            f"{median(column(floor, 'us_per_delivery'))} us",
            median(found),
            spread(found),
            f"<= {at_most}",
            verdict(statistics.median(found) <= at_most),
        )
    ]


def burst(scale: Scale) -> list[Line]:
    """CPU per delivery where messages can be joined: as many as each server joins by itself, and as many in both."""
    return [
        *_delivery(scale, "joined as each does, bursts of 16", "joined", BURST, 1.1),
        *_delivery(scale, "the same number in each write", "joined", ONE_BURST, 1.1),
    ]


def isolated(scale: Scale) -> list[Line]:
    """CPU per delivery of a message that nothing can be joined with."""
    return _delivery(scale, "isolated", "plain", ISOLATED, 1.15)


def keeps_up(figures: Figures) -> bool:
    """Tell whether deliveries kept pace with what was published, but for what newer values overtook; none is lost."""
    share = figures["delivered_per_s"] / figures["expected_per_s"] + figures["missing"] / figures["expected"]
    return figures["published_per_s"] >= 0.98 * RATE and share >= 0.95 and not figures["stale"] and not figures["lost"]


def dashboard(scale: Scale) -> list[Line]:
    """2,000 messages a second of 100 experts, to viewers of all and to viewers of one expert each."""
    one = ("-K", "-s", ONE_EXPERT)
    few = ("-n", str(max(scale.viewers // 10, 1)), "-T", str(scale.seconds))
    rounds = in_turns(
        scale.rounds,
        {
            "all": lambda: measure_ours(*PACED, *scale.crowd),
            "all limit": lambda: measure_limit("joined", *PACED, *scale.crowd),
            "one": lambda: measure_ours(*PACED, *scale.crowd, *one),
            "one limit": lambda: measure_limit("joined", *PACED, *scale.crowd, *one),
            "few": lambda: measure_ours(*PACED, *few, *one),
            "few limit": lambda: measure_limit("joined", *PACED, *few, *one),
        },
    )
    lines = _latency(f"{RATE:,} msg/s of 100 experts to {scale.viewers:,} viewers", rounds["all"], rounds["all limit"])
    for viewers, name in ((scale.viewers, "one"), (int(few[1]), "few")):
        ours, floor = rounds[name], rounds[f"{name} limit"]
        busy = ratios(ours, floor, "server_busy")
        lines.append(
            Line(
                f"the same to {viewers:,} viewers of one expert each: cores in use",
                _busy(ours),
                _busy(floor),
                median(busy),
                spread(busy),
            )
        )
    fall = ratios(rounds["few"], rounds["one"], "server_busy")
    lines.append(
        Line(
            "... a tenth of the viewers, and of the deliveries, costs of it",
            f"{100 * statistics.median(fall):.0f} %",
            f"{100 * statistics.median(ratios(rounds['few limit'], rounds['one limit'], 'server_busy')):.0f} %",
            spread=f"{100 * min(fall):.0f}-{100 * max(fall):.0f} %",
            goal="falls with them",  # no number was set: the limit's own fall is what to compare with
        )
    )
    return lines


def _busy(rounds: Sequence[Figures]) -> str:
    return median(column(rounds, "server_busy"))


def _latency(what: str, ours: Sequence[Figures], floor: Sequence[Figures]) -> list[Line]:
    busy = ratios(ours, floor, "server_busy")
    kept = all(map(keeps_up, ours))
    lines = [
        Line(
            f"{what}: cores in use{'' if kept else ' (does not keep up)'}",
            _busy(ours),
            _busy(floor),
            median(busy),
            spread(busy),
            "keeps up, <= 0.5",
            verdict(kept and statistics.median(column(ours, "server_busy")) <= 0.5),
        )
    ]
    overtaken = [100 * figures["missing"] / figures["expected"] for figures in ours]
    lines.append(
        Line(
            "... deliveries a second (and values that a newer one overtook before they were sent)",
            f"{median(column(ours, 'delivered_per_s'), ',.0f')} ({median(overtaken, '.1f')} %)",
            median(column(floor, "delivered_per_s"), ",.0f"),
            spread=f"{spread(overtaken, '.1f')} %",
        )
    )
    for name, at_most in (("p50", 15), ("p99", 50)):
        mine, theirs = column(ours, f"{name}_ms"), column(floor, f"{name}_ms")
        lines.append(
            Line(
                f"... latency, {name}",
                f"{median(mine, '.1f')} ms",
                f"{median(theirs, '.1f')} ms",
                median(ratios(ours, floor, f"{name}_ms")),
                f"{spread(mine, '.1f')} ms",
                f"<= {at_most} ms",
                verdict(statistics.median(mine) <= at_most),
            )
        )
    return lines


def conflated(scale: Scale) -> list[Line]:
    """100 experts at 20 Hz each, heard at most every 200 ms."""
    what = f"100 experts x 20 Hz, max_hz {MAX_HZ}"
    if "max_hz" not in SubscribeData.__struct_fields__:
        return [Line(what, "skipped: this server has no max_hz yet", goal="a quarter of the bytes, same final state")]
    rounds = in_turns(
        min(scale.rounds, 3),
        {
            "slowly": lambda: measure_ours(*PACED, *scale.crowd, "-C", "-s", SLOWLY),
            "all": lambda: measure_ours(*PACED, *scale.crowd),
        },
    )
    slowly, all_ = rounds["slowly"], rounds["all"]
    whole = [figures["expected_per_s"] * figures["bytes_per_delivery"] for figures in slowly]
    share = [figures["bytes_per_s"] / unconflated for figures, unconflated in zip(slowly, whole, strict=True)]
    wrong = sum(figures["stale"] for figures in slowly)
    return [
        Line(
            f"{what}: bytes, of what all messages would be",
            f"{statistics.median(share):.2f}",
            spread=spread(share),
            goal="a quarter (<= 0.27), same final state",
            verdict=verdict(statistics.median(share) <= 0.27 and not wrong),
        ),
        Line("... cores in use, conflated and not", f"{_busy(slowly)}, {_busy(all_)}"),
        Line("... last values that did not arrive", f"{wrong:.0f}"),
    ]


def idle(scale: Scale) -> list[Line]:
    """What a connection costs that is authenticated, subscribed, and hears nothing."""
    arguments = ("-m", "idle", "-n", str(scale.idle))
    rounds = in_turns(
        min(scale.rounds, 3),
        {"ours": lambda: measure_ours(*arguments), "limit": lambda: measure_limit("plain", *arguments)},
    )
    ours, floor = rounds["ours"], rounds["limit"]
    held = min(column(ours, "open"))
    memory, cpu = column(ours, "rss_kib"), column(ours, "connect_us")
    return [
        Line(
            f"memory of an idle connection (RSS; {held:,.0f} held, authenticated and subscribed)",
            f"{median(memory, '.1f')} KiB",
            f"{median(column(floor, 'rss_kib'), '.1f')} KiB",
            spread=f"{spread(memory, '.1f')} KiB",
            goal=f"<= 6 KB, {scale.idle:,} held",
            verdict=verdict(statistics.median(memory) * 1.024 <= 6 and held >= scale.idle),
        ),
        Line(
            "... CPU to connect, authenticate and subscribe",
            f"{median(cpu, '.0f')} us",
            f"{median(column(floor, 'connect_us'), '.0f')} us",
            median(ratios(ours, floor, "connect_us"), ".1f"),
            f"{spread(cpu, '.0f')} us",
        ),
    ]


def _storm(clients: int) -> Figures:
    with fleetwire("fleetwire-usual") as subject:
        subject.deliver("own", SNAPSHOT_ROWS)
        subject.delivered()
        arguments = ("-m", "storm", "-n", str(clients), "-c", str(clients), "-S", str(SNAPSHOT_ROWS))
        return load(subject.port, subject.pids(), *FLEETWIRE, *arguments)


def storm(scale: Scale) -> list[Line]:
    """Everybody comes back at once, and wants to know everything."""
    rounds = in_turns(min(scale.rounds, 3), {"ours": lambda: _storm(scale.storm)})["ours"]
    cpu, dropped = column(rounds, "connect_us"), sum(scale.storm - figures["open"] for figures in rounds)
    return [
        Line(
            f"storm: {scale.storm:,} clients at once, until each has {SNAPSHOT_ROWS} rows of {_row_bytes()} bytes",
            f"{median(cpu, '.0f')} us CPU each",
            spread=f"{spread(cpu, '.0f')} us",
            goal="<= 300 us, nobody dropped",
            verdict=verdict(statistics.median(cpu) <= 300 and not dropped),
        ),
        Line(
            "... dropped; all are back after; the server's memory at most",
            f"{dropped:.0f}; {median(column(rounds, 'connect_s'), '.1f')} s; "
            f"{median([kib / 1024 for kib in column(rounds, 'rss_peak_kib')], '.0f')} MiB",
            spread=f"{spread(column(rounds, 'connect_s'), '.1f')} s",
        ),
    ]


def _row_bytes() -> int:
    return len(json.dumps(row(0), separators=(",", ":")))


def ingest(scale: Scale) -> list[Line]:
    """What one core takes in, and what a deal costs."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--core", str(cores()[0])]
    if scale.quick:
        command.append("--quick")
    rounds: list[dict[str, Figures]] = [
        json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
        for _ in range(min(scale.rounds, 3))
    ]
    lines = []
    for together in TOGETHER[::-1]:
        costs = {
            experts: [one[f"{experts} experts, {together} a flush"]["us"] for one in rounds] for experts in EXPERTS
        }
        growth = statistics.median(costs[EXPERTS[-1]]) / statistics.median(costs[EXPERTS[0]])
        for experts, cost in costs.items():
            rates = [1e6 / us for us in cost]
            lines.append(
                Line(
                    f"ingest, {together} report{'s' if together > 1 else ''} a flush, {experts:,} experts",
                    f"{median(rates, ',.0f')}/s",
                    spread=f"{spread(rates, ',.0f')}/s",
                    goal=">= 20,000/s",
                    verdict=verdict(statistics.median(rates) >= 20_000),
                )
                if together > 1
                else Line(
                    f"ingest, a flush for each report, {experts:,} experts",
                    f"{median(rates, ',.0f')}/s",
                    spread=f"{spread(rates, ',.0f')}/s",
                )
            )
        lines.append(
            Line(
                f"... {EXPERTS[-1]:,} experts cost, of what {EXPERTS[0]} do",
                f"{growth:.1f} x",
                goal="O(1): <= 1.5 x",
                verdict=verdict(growth <= 1.5),
            )
        )
    decode = [figures["decode_us"] for one in rounds for name, figures in one.items() if name != "deals"]
    size = next(iter(rounds[0].values()))["bytes"]
    lines.append(Line(f"... of it to decode and validate {size} bytes", f"{median(decode)} us", spread=spread(decode)))
    deals = [one["deals"] for one in rounds]
    cost = column(deals, "us")
    late = [one["last_us"] / one["first_us"] for one in deals]
    lines += [
        Line(
            "a deal in statistics",
            f"{median(cost)} us",
            spread=f"{spread(cost)} us",
            goal="<= 5 us",
            verdict=verdict(statistics.median(cost) <= 5),
        ),
        Line(
            "... the last tenth of a series costs, of what the first does",
            f"{median(late)} x",
            spread=spread(late),
            goal="O(1): <= 1.5 x",
            verdict=verdict(statistics.median(late) <= 1.5),
        ),
        Line("... to read all metrics, after each deal", f"{median(column(deals, 'metrics_us'), '.1f')} us"),
    ]
    return lines


def fleet(scale: Scale) -> list[Line]:
    """What a living fleet costs: each expert reports once a second, over a socket of its own, and all of it is kept."""
    seconds = 5 if scale.quick else 20
    sizes = (50, FLEET) if scale.quick else (50, FLEET, 2000)
    rounds = in_turns(
        1 if scale.quick else min(scale.rounds, 3),
        {str(size): partial(_living, size, seconds) for size in sizes},
    )
    cores = column(rounds[str(FLEET)], "core")
    lines = [
        Line(
            f"{FLEET} experts report once a second, spread over it: cores in use, everything kept",
            median(cores, ".3f"),
            spread=spread(cores, ".3f"),
            goal="<= 0.1",
            verdict=verdict(statistics.median(cores) <= 0.1),
        )
    ]
    for size, found in rounds.items():
        cost = column(found, "us_a_report")
        lines.append(
            Line(
                f"... a report costs, of {int(size):,} experts", f"{median(cost, '.0f')} us", spread=spread(cost, ".0f")
            )
        )
    return lines


def _living(experts: int, seconds: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.fleet", "--experts", str(experts), "--seconds", str(seconds)]
    found: Figures = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
    return found


def commands(scale: Scale) -> list[Line]:
    """How long an operator's command takes to its expert, signed, and on disk before anybody hears of it."""
    count = 100 if scale.quick else 1000
    rounds = in_turns(min(scale.rounds, 3), {"commands": partial(_commands, count)})["commands"]
    ours, limit = ([one[who] for one in rounds] for who in ("fleetwire", "limit"))
    p99 = column(ours, "p99_ms")
    return [
        Line(
            "a signed command, from the operator's socket to the expert's, on disk first: p99 (limit: one sync)",
            f"{median(p99)} ms",
            f"{median(column(limit, 'p99_ms'))} ms",
            median(ratios(ours, limit, "p99_ms")),
            f"{spread(p99)} ms",
            "<= 20 ms",
            verdict(statistics.median(p99) <= 20),
        ),
        Line(
            "... p50",
            f"{median(column(ours, 'p50_ms'))} ms",
            f"{median(column(limit, 'p50_ms'))} ms",
            median(ratios(ours, limit, "p50_ms")),
            f"{spread(column(ours, 'p50_ms'))} ms",
        ),
    ]


def _commands(count: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.commands", "--count", str(count)]
    found: dict[str, Figures] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
    return found


@contextmanager
def _offenders(port: int, readers: int) -> Iterator[None]:
    """Let them misbehave beside the load."""
    command = [sys.executable, "-m", "benchmarks.offenders", str(port), str(readers), str(cores()[1])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise LoadError("the offenders did not get in")
        yield
    finally:
        process.communicate()


def _beside(readers: int, *arguments: str) -> Figures:
    with fleetwire() as subject, _offenders(subject.port, readers):
        figures = load(subject.port, subject.pids(), *FLEETWIRE, *arguments)
        return figures | {"rss_mib": subject.rss_kib() / 1024}


def neighbours(scale: Scale) -> list[Line]:
    """What others notice of those who never read, who change their mind all the time, and who publish long messages."""
    gentle = ("-m", "paced", "-r", "200", "-k", "100", "-n", "200", "-T", str(scale.seconds), "-s", NEIGHBOUR)
    subjects: dict[str, Callable[[], Figures]] = {"alone": lambda: measure_ours(*gentle)}
    crowds = (500, scale.storm) if scale.storm > 500 else (500,)
    for readers in crowds:
        subjects[str(readers)] = partial(_beside, readers, *gentle)
    rounds = in_turns(min(scale.rounds, 3), subjects)
    alone = rounds["alone"]
    lines = []
    for readers in crowds:
        beside = rounds[str(readers)]
        worse = ratios(beside, alone, "p99_ms")
        lines.append(
            Line(
                f"200 viewers of 200 msg/s beside {readers:,} who never read: latency, p50 and p99",
                f"{median(column(beside, 'p50_ms'), '.1f')} and {median(column(beside, 'p99_ms'), '.1f')} ms; alone "
                f"{median(column(alone, 'p50_ms'), '.1f')} and {median(column(alone, 'p99_ms'), '.1f')} ms",
                ratio=median(worse),
                spread=spread(worse),
                goal="p99 <= 1.2 x alone",
                verdict=verdict(statistics.median(worse) <= 1.2),
            )
        )
        lines.append(Line("... the server's memory then", f"{median(column(beside, 'rss_mib'), '.0f')} MiB"))
    return lines


ROWS: dict[str, Callable[[Scale], list[Line]]] = {
    "burst": burst,
    "isolated": isolated,
    "dashboard": dashboard,
    "conflated": conflated,
    "idle": idle,
    "storm": storm,
    "neighbours": neighbours,
    "ingest": ingest,
    "fleet": fleet,
    "commands": commands,
}
