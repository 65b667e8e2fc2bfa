"""Whatever the order of create, rotate, revoke, expire, auth, subscribe, publish, stall and restart: nobody is ever
written anything that their token, as it is at that moment, does not allow."""

from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleetwire.hub.access import Identity, Right
from fleetwire.hub.hub import Kept
from fleetwire.hub.limits import Limits
from fleetwire.hub.log import Entry
from fleetwire.hub.session import Close
from fleetwire.wire.channels import CHANNEL_BY_NAME
from fleetwire.wire.errors import DataError
from fleetwire.wire.labels import labels_of
from fleetwire.wire.moment import Moment, read_utc
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import Scopes, Token, TokenRequest
from tests.hub.support import TOKEN, UTC, Reader, Room, unframe

TINY = Limits(
    piece_bytes_max=400,
    catch_up_bytes_per_flush_max=1000,
    history_count_max=5,
    tombstones_max=2,
    unflushed_count_max=6,
    auth_failures_max=1_000_000,
    protocol_errors_per_minute_max=1_000_000,
)
READERS_MAX = 4
UTC_MS = read_utc(UTC)

experts = st.sampled_from([1, 2, 3])
accounts = st.sampled_from(["S/5", "S/6"])
groups = st.sampled_from(["", "gold"])
channels = st.sampled_from(["ea_updates", "alerts", "trade_updates", "news_updates", "portfolio_updates"])
scopes = st.builds(
    Scopes,
    accounts=st.lists(accounts, max_size=1).map(tuple),
    experts=st.lists(experts, max_size=1).map(tuple),
    groups=st.lists(st.just("gold"), max_size=1).map(tuple),
    channels=st.lists(channels, max_size=2, unique=True).map(tuple),
)
not_rows = channels.filter(lambda one: one != "ea_updates")
roles = st.sampled_from(["viewer", "viewer", "operator", "publisher"])
topics = st.lists(channels | st.builds("{}:{}".format, channels, experts) | st.just("*"), min_size=1, max_size=3)


somebody = precondition(lambda self: self.room.readers)


class Said(NamedTuple):
    """One publication."""

    channel: str
    key: str | None
    labels: frozenset[str] | None


class World(RuleBasedStateMachine):
    """An administrator, readers with changing tokens, and publishers."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[str] = []  # every one that ever was
        self.said: dict[int, Said] = {}
        self.kept: list[Kept] = []
        self.writes = 0

    @initialize(first=scopes, second=scopes, number=st.integers(0, 2))
    def open(self, first: Scopes, second: Scopes, number: int) -> None:
        """Begin with two tokens, and two readers of everything."""
        self.room = Room(TINY)
        self.room.keep = self._keep
        self.tokens = self.room.house.access.tokens
        for of in (first, second):
            self.create("viewer", of, None)
        for which in (number, 1):
            self.come(which)
            self.subscribe(-1, ["*"], 5, False)

    def _keep(self, events: list[tuple[str, Entry]]) -> None:
        for channel, one in events:
            self.kept.append(Kept(channel, one.position, one.seq, one.key, one.at, one.payload, one.labels))

    @property
    def at(self) -> Moment:
        return Moment(self.room.now, UTC_MS, UTC)

    @property
    def utc_ms(self) -> int:
        return self.room.house.access.utc_ms(self.at)

    # -------------------------------------------------------------------------------------------------- what is allowed

    def _heard(self, reader: Reader, buffer: bytes) -> None:
        """Look at everything that is written, when it is written."""
        identity = reader.session.identity
        for message in unframe(buffer):
            if "position" not in message or "channel" not in message:
                continue
            self.writes += 1
            assert identity is not None, "nobody authenticated"
            self._check_alive(identity)
            said = self.said[message["position"]]
            assert identity.may(Right.hear)
            assert identity.may_hear(said.channel)
            if identity.scope is None or said.labels is None or said.labels & identity.scope:
                continue
            assert message["data"].get("status") == "removed", f"{identity} hears {said}"
            assert set(message["data"]) <= {"ea_id", "status", "portfolio", "account"}, "an end says nothing else"
            before = [
                one.labels
                for position, one in self.said.items()
                if position < message["position"] and (one.channel, one.key) == (said.channel, said.key)
            ]
            assert any(labels is None or labels & identity.scope for labels in before), "the end of what it never heard"

    def _check_alive(self, identity: Identity) -> None:
        """Its token counts now."""
        token = self.tokens.get(identity.token_id)
        if identity.token_id == "admin":
            return
        assert token is not None
        assert token.revoked_ms is None
        assert identity.until is None or self.room.now < identity.until + 1e-6
        assert token.rotations - identity.secret <= 1
        assert identity.scope == token.scopes.labels
        assert identity.role.value == token.role

    # --------------------------------------------------------------------------------------------------- administration

    def _secret(self) -> str:
        self.secrets.append(f"secret-{len(self.secrets)}")
        return self.secrets[-1]

    def _changed(self) -> None:
        """What the server does when tokens have changed."""
        for reader in list(self.room.readers):
            identity = reader.session.identity
            found = self.room.house.access.review(identity, self.at) if identity is not None else None
            if found is None and identity is not None:
                self.room.leave(reader)
            elif found is not None and found != identity:
                reader.session.renew(found)

    def _one(self, number: int) -> Token:
        made = self.tokens.all()
        return made[number % len(made)]

    @rule(role=roles, scopes=scopes, lifetime_s=st.none() | st.sampled_from([5.0, 100.0]))
    def create(self, role: str, scopes: Scopes, lifetime_s: float | None) -> None:
        request = TokenRequest(role=role, scopes=scopes, lifetime_s=lifetime_s)
        token_id = f"tok_{len(self.tokens)}"
        self.tokens.put(self.tokens.draft(request, token_id, hash_token(self._secret()), "a test", self.utc_ms))

    @rule(number=st.integers(0, 9), overlap_s=st.sampled_from([0.0, 3.0, 50.0]))
    def rotate(self, number: int, overlap_s: float) -> None:
        token_id = self._one(number).token_id
        try:
            token = self.tokens.rotated(token_id, hash_token(self._secret()), overlap_s, self.utc_ms)
        except DataError:
            return
        self.tokens.put(token)
        self._changed()

    @rule(number=st.integers(0, 9))
    def revoke(self, number: int) -> None:
        self.tokens.put(self.tokens.revoked(self._one(number).token_id, self.utc_ms))
        self._changed()

    @rule(seconds=st.sampled_from([1.0, 4.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.room.now += seconds
        for reader in list(self.room.readers):
            reader.session.heartbeat.seen_at = self.room.now
            while reader.session.next_deadline() <= self.room.now:
                output = reader.session.check(self.room.now)
                if isinstance(output, Close):
                    self.room.leave(reader)
                    break
                if output is None:
                    break

    # ------------------------------------------------------------------------------------------------------- readers

    def _reader(self, number: int) -> Reader:
        return self.room.readers[number % len(self.room.readers)]

    @precondition(lambda self: len(self.room.readers) < READERS_MAX)
    @rule(number=st.integers(0, 99))
    def come(self, number: int) -> None:
        reader = Reader(self.room, authenticated=False)
        write = reader.session.write

        def watched(buffer: bytes) -> None:
            self._heard(reader, buffer)
            write(buffer)

        reader.session.write = watched
        self.room.readers.append(reader)
        self._auth(reader, number)

    @somebody
    @rule(who=st.integers(0, 9), number=st.integers(0, 99))
    def auth(self, who: int, number: int) -> None:
        self._auth(self._reader(who), number)

    def _auth(self, reader: Reader, number: int) -> None:
        secret = [TOKEN, *self.secrets][number % (len(self.secrets) + 1)]
        reader.outputs("auth", token=secret)

    @somebody
    @rule(who=st.integers(0, 9), topics=topics, history=st.none() | st.integers(1, 9), resume=st.booleans())
    def subscribe(self, who: int, topics: list[str], history: int | None, resume: bool) -> None:
        words: dict[str, Any] = {} if history is None else {"history": history}
        if resume:
            words["since"] = {"epoch": self.room.hub.epoch, "position": self.room.hub.head // 2}
        self._reader(who).outputs("subscribe", channels=topics, **words)

    @somebody
    @rule(who=st.integers(0, 9))
    def stall(self, who: int) -> None:
        self._reader(who).full = True

    @somebody
    @rule(who=st.integers(0, 9))
    def drain(self, who: int) -> None:
        reader = self._reader(who)
        if reader.session.paused:
            self.room.drained(reader)

    # ------------------------------------------------------------------------------------------------------- publish

    def _publish(self, channel: str, data: dict[str, Any]) -> None:
        while self.room.hub.must_flush:
            self.room.flush()
        of = CHANNEL_BY_NAME[channel]
        labels = labels_of(of, data)
        entry = self.room.hub.publish(of.type, data, now=self.room.now, timestamp=UTC, labels=labels)
        self.said[entry.position] = Said(channel, entry.key, labels)

    @rule(ea_id=experts, account=accounts, group=groups, gone=st.integers(0, 4), fill=st.sampled_from(["", "x" * 300]))
    def publish_row(self, ea_id: int, account: str, group: str, gone: int, fill: str) -> None:
        data = {"ea_id": ea_id, "account": account, "group": group, "fill": fill}
        self._publish("ea_updates", data | ({"status": "removed"} if not gone else {}))

    @rule(
        channel=channels.filter(lambda one: one != "ea_updates"),
        ea_id=st.none() | experts,
        account=st.none() | accounts,
        times=st.integers(1, 7),
    )
    def publish_events(self, channel: str, ea_id: int | None, account: str | None, times: int) -> None:
        about = {name: value for name, value in (("ea_id", ea_id), ("account", account)) if value is not None}
        for _ in range(times):
            self._publish(channel, about)

    @rule(everything=st.booleans())
    def flush(self, everything: bool) -> None:
        if everything:
            self.room.finish()
        else:
            self.room.flush()

    @rule()
    def restart(self) -> None:
        """Everybody is gone; tokens and events come back as they were kept."""
        self.room.settle()
        for reader in list(self.room.readers):
            self.room.leave(reader)
        tokens, before = self.tokens.all(), self.room
        self.room = Room(TINY)
        self.room.now, self.room.keep = before.now, self._keep
        self.room.hub.restore(before.hub.epoch, before.hub.position, self.kept, self.room.now)
        self.tokens = self.room.house.access.tokens
        self.tokens.restore(tokens)

    @invariant()
    def who_is_here_may_be_here(self) -> None:
        for reader in self.room.readers:
            if reader.session.identity is not None:
                self._check_alive(reader.session.identity)


TestRightsHold = World.TestCase
TestRightsHold.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
