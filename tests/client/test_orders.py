"""What an expert does not do: what is forged, unsigned, misdirected, replayed, of an earlier run, or too late."""

import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fleetwire.client.journal import ACCEPTED, REMEMBERED_MAX, Entry, Journal
from fleetwire.client.orders import Inspector, Outcome, Verdict, read_order
from fleetwire.wire.errors import ConfigError, StoreError
from fleetwire.wire.messages import OrderData
from fleetwire.wire.signature import SignedCommand, canonical, derive_key, sign

KEY = derive_key("an-experts-own-token")
NOW = 1_790_000_000_000


def order(key: bytes | None = KEY, **fields: Any) -> OrderData:
    known = {
        "command_id": "c1", "ea_id": 7, "command": "pause", "params": {"softly": True}, "issued_ms": NOW,
        "expires_ms": NOW + 60_000, "nonce": "n", "boot_id": "run",
    }  # fmt: skip
    said = SignedCommand(**(known | fields))
    text = canonical(said)
    return OrderData(
        id=said.command_id, target=said.ea_id, command=said.command, params=said.params, issued=said.issued_ms,
        expires=said.expires_ms, nonce=said.nonce, boot_id=said.boot_id, signed=text.decode(),
        signature=sign(key, text) if key else "", server_time=NOW,
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "journal")
    made.open()
    return made


def look(journal: Journal, given: OrderData, key: bytes | None = KEY, now_ms: int = NOW) -> Verdict:
    return Inspector(key, frozenset({"pause"}), journal, "run").look(given, 7, now_ms)[0]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (order(), Verdict.new),
        (order(derive_key("another-token")), Verdict.forged),
        (msgspec.structs.replace(order(), signature="0" * 64), Verdict.forged),
        (msgspec.structs.replace(order(), signed=order(ea_id=8).signed), Verdict.forged),
        (order(None), Verdict.unsigned),
        (order(ea_id=8), Verdict.misdirected),
        (order(boot_id="an-earlier-run"), Verdict.outdated),
        (order(expires_ms=NOW), Verdict.expired),
        (order(command="close_all"), Verdict.unsupported),
    ],
)
def test_a_command_is_taken_for_what_it_is(journal: Journal, given: OrderData, verdict: Verdict) -> None:
    assert look(journal, given) is verdict


def test_what_stands_beside_the_signed_text_is_not_believed(journal: Journal) -> None:
    """A relay that changes the readable fields changes nothing."""
    changed = msgspec.structs.replace(order(), command="close_all", target=8, params={}, expires=0, id="c2")
    verdict, command = Inspector(KEY, frozenset({"pause"}), journal, "run").look(changed, 7, NOW)
    assert verdict is Verdict.new
    assert command is not None
    assert (command.command_id, command.command, command.params) == ("c1", "pause", {"softly": True})


def test_without_a_key_only_what_claims_no_signature_is_taken(journal: Journal) -> None:
    assert look(journal, order(None), key=None) is Verdict.new
    assert look(journal, order(), key=None) is Verdict.forged


def test_a_command_that_is_known_stays_known_after_a_restart(journal: Journal) -> None:
    journal.write(Entry("c1", "executed", NOW, {"retcode": 1}))
    journal.close()
    again = Journal(journal.path)
    again.open()
    assert look(again, order()) is Verdict.known
    assert again.find("c1") == Entry("c1", "executed", NOW, {"retcode": 1})


def test_one_too_old_to_be_remembered_is_known_by_when_it_was_issued(journal: Journal) -> None:
    """So that nobody can replay what is forgotten."""
    for number in range(REMEMBERED_MAX + 1):
        journal._take(Entry(f"x{number}", "executed", NOW + number))
    assert journal.find("x0") is None
    assert look(journal, order(command_id="x0")) is Verdict.replayed
    assert look(journal, order(command_id="y", issued_ms=NOW + 1)) is Verdict.new


def test_half_a_line_was_never_acted_on_and_a_damaged_journal_stops_the_expert(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.open()
    journal.write(Entry("c1", ACCEPTED, NOW))
    journal.keep_note("dead_man", {"after_s": 30})
    journal.close()
    path.write_bytes(path.read_bytes() + b'{"entry": {"id": "c2", "sta')
    again = Journal(path)
    again.open()
    assert (again.find("c1"), again.find("c2")) == (Entry("c1", ACCEPTED, NOW), None)
    assert again.note("dead_man") == {"after_s": 30}
    again.close()
    path.write_bytes(b"no journal\n" + path.read_bytes())
    with pytest.raises(ConfigError, match="journal of commands is damaged"):
        Journal(path).open()


def test_a_journal_that_can_not_be_written_lets_nothing_happen(journal: Journal) -> None:
    journal.close()
    with pytest.raises(StoreError, match="not open"):
        journal.write(Entry("c1", ACCEPTED, NOW))
    assert journal.find("c1") is None


def test_only_ends_are_outcomes_and_only_orders_are_read() -> None:
    with pytest.raises(ValueError, match="a command ends as one of"):
        Outcome("done")
    assert read_order({"id": "x"}) is None
    assert read_order(msgspec.to_builtins(order())) == order()


def test_closing_waits_for_a_thread_that_writes_and_nothing_is_written_after(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the thread would write into whatever file has that number next."""
    writing, may_go_on, closed = threading.Event(), threading.Event(), threading.Event()
    fsync = os.fsync

    def slow(file: int) -> None:
        writing.set()
        assert may_go_on.wait(10)
        fsync(file)

    monkeypatch.setattr(os, "fsync", slow)
    writer = threading.Thread(target=journal.write, args=(Entry("c1", ACCEPTED, NOW),))
    writer.start()
    assert writing.wait(10)
    closer = threading.Thread(target=lambda: (journal.close(), closed.set()))
    closer.start()
    assert not closed.wait(0.05)
    may_go_on.set()
    for thread in (writer, closer):
        thread.join(10)
    assert closed.is_set()
    with pytest.raises(StoreError, match="is not open"):
        journal.write(Entry("c2", ACCEPTED, NOW))
    again = Journal(journal.path)
    again.open()
    assert [entry.id for entry in again.newest(9)] == ["c1"]
