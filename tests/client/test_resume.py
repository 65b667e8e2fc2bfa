"""What was lost is found again: connections, subscriptions, positions; and what can't be found is told."""

import asyncio
import logging
import random
from typing import Any

import pytest

from fleetwire.client import Message, WebSocketClient
from fleetwire.wire.errors import AuthenticationError, NotConnectedError
from tests.client.peer import TOKEN, Peer, Time, reading_waits


class NoJitter(random.Random):
    """Draws 0.5, so that the first retry comes after 0.5 s."""

    def random(self) -> float:
        return 0.5


class Listener:
    """A client that keeps what its iteration gives."""

    def __init__(
        self, peer: Peer, time: Time, *channels: str, words: dict[str, Any] | None = None, **options: Any
    ) -> None:
        self.client = WebSocketClient(peer.url, TOKEN, clock=time.clock, sleep=time.sleep, rng=NoJitter(), **options)
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self._channels = channels
        self._words = words or {}
        self._task: asyncio.Task[None] | None = None
        self._peer = peer

    async def __aenter__(self) -> "Listener":
        await self.client.__aenter__()
        self._task = asyncio.create_task(self._listen())
        await self._peer.heard("subscribe")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.client.disconnect()
        assert self._task is not None
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        async for message in self.client.subscribe(*self._channels, **self._words):
            self.messages.put_nowait(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.messages.get(), 10)

    async def end(self) -> None:
        """Wait until the iteration ends, and raise what it raised."""
        assert self._task is not None
        await asyncio.wait_for(asyncio.shield(self._task), 10)


async def test_a_killed_server_is_found_again_on_the_same_port_and_gone_on_with(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts", "ea_updates") as listener:
        await peer.publish("alerts", 1)
        await peer.say("snapshot_end", {"channels": ["alerts", "ea_updates"], "position": 1})
        await peer.publish("ea_updates", 2, "7")
        await peer.publish("alerts", 3)
        assert [(await listener.next()).type for _ in range(4)] == ["alert", "snapshot_end", "ea_update", "alert"]
        await peer.kill()
        assert await time.asleep(1) == 0.5
        assert repr(listener.client).endswith("reconnecting>")
        time.advance(0.5)
        assert await time.asleep(2) == 1.0  # still nobody there
        await peer.start()
        time.advance(1.0)
        subscribed = await peer.heard("subscribe", 2)
        assert sorted(subscribed["channels"]) == ["alerts", "ea_updates"]
        assert subscribed["since"] == {"epoch": "e1", "positions": {"alerts": 3, "ea_updates": 2}}
        await peer.publish("alerts", 3)  # a duplicate
        await peer.publish("alerts", 4)
        assert (await listener.next()).position == 4
        assert listener.client.authenticated
        assert await peer.heard("auth", 2) == {"token": TOKEN}


async def test_an_orderly_stop_says_when_to_come_back(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts") as listener:
        await peer.stop(1012, "retry_after=3")
        assert await time.asleep(5) == 3.5
        await peer.start()
        time.advance(3.5)
        await peer.heard("subscribe", 2)
        await peer.publish("alerts", 1)
        assert (await listener.next()).position == 1


async def test_4200_comes_back_at_once(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts"):
        await peer.close(4200, "no sign of life")
        assert await time.asleep(1) == 0.0
        time.advance(0)
        await peer.heard("subscribe", 2)


@pytest.mark.parametrize(("code", "kind"), [(4001, AuthenticationError), (4003, NotConnectedError)])
async def test_40xx_is_final(peer: Peer, time: Time, code: int, kind: type[Exception]) -> None:
    async with Listener(peer, time, "alerts") as listener:
        await peer.publish("alerts", 1)
        await peer.close(code, "token revoked")
        assert (await listener.next()).position == 1
        with pytest.raises(kind, match=f"{code} token revoked: the client does not come back"):
            await listener.end()
        with pytest.raises(kind):
            await listener.client.subscribe("alerts")
        assert not listener.client.connected
        assert peer.sockets_ever == 1
        await listener.client.connect()  # a person may try again
        assert listener.client.connected


async def test_what_the_client_itself_objects_to_is_not_final(
    peer: Peer, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    async with Listener(peer, time, "alerts") as listener:
        await peer.sockets[0].send("x" * (16 * 1024 * 1024 + 1))  # the client closes with 1009, the server echoes it
        await time.asleep(1)
        assert "the client had to close it: 1009 (message too big)" in caplog.text
        time.advance(1)
        await peer.heard("subscribe", 2)
        await peer.publish("alerts", 1)
        assert (await listener.next()).type == "alert"


async def test_a_token_that_is_refused_later_on_is_final(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts") as listener:
        peer.script["auth"] = lambda message: [
            {"type": "auth_response", "data": {"status": "failed", "error": "token_invalid", "message": "expired"}}
        ]
        await peer.close(4201)
        await time.asleep(0)
        time.advance(0)
        with pytest.raises(AuthenticationError, match="token_invalid: expired"):
            await listener.end()


async def test_a_question_that_was_lost_with_its_connection_is_asked_again(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts") as listener:
        peer.script["unsubscribe"] = lambda message: []
        question = asyncio.create_task(listener.client.unsubscribe("ea_updates"))
        await peer.heard("unsubscribe")
        del peer.script["unsubscribe"]
        await peer.close(4200)
        await time.asleep(0)
        time.advance(0)
        assert (await question).status == "unsubscribed"


async def test_disconnecting_ends_a_backoff_at_once(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts") as listener:
        await peer.kill()
        await time.asleep(1)
        waiting = asyncio.create_task(listener.client._running().ask("unsubscribe", {"channels": []}))
        await asyncio.wait_for(listener.client.disconnect(), 10)
        await listener.end()
        with pytest.raises(NotConnectedError):
            await waiting


async def test_cancelling_everything_leaves_nothing_behind(peer: Peer) -> None:
    client = WebSocketClient(peer.url, TOKEN)
    await client.connect()
    mine = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("fleetwire client")]
    assert len(tasks) == 2
    assert mine not in tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await peer.left()
    await client.disconnect()


# ---------------------------------------------------------------------------------------------------------- losses


async def found_again(peer: Peer, time: Time, listener: Listener) -> None:
    await peer.publish("alerts", 5)
    assert (await listener.next()).position == 5
    await peer.close(4200)
    await time.asleep(0)
    time.advance(0)
    await peer.heard("subscribe", 2)


async def test_a_loss_that_the_server_tells_is_told_once(peer: Peer, time: Time) -> None:
    peer.recovered = lambda name: False
    async with Listener(peer, time, "alerts") as listener:
        await found_again(peer, time, listener)
        await peer.say("gap", {"channel": "alerts", "since": 5, "until": 8, "to_seq": 8})
        await peer.publish("alerts", 9)
        await peer.say("snapshot_end", {"channels": ["alerts"], "position": 9})
        gap, alert, end = [await listener.next() for _ in range(3)]
        assert (gap.type, gap.data["to_seq"]) == ("gap", 8)
        assert (alert.position, end.type) == (9, "snapshot_end")


async def test_a_loss_that_the_server_does_not_tell_is_told_by_the_client(peer: Peer, time: Time) -> None:
    peer.recovered = lambda name: name != "alerts"
    async with Listener(peer, time, "alerts", "trade_updates", "ea_updates") as listener:
        await found_again(peer, time, listener)
        await peer.publish("trade_updates", 6)
        await peer.publish("alerts", 7)
        trade, gap, alert = [await listener.next() for _ in range(3)]
        assert (trade.type, gap.type, alert.type) == ("trade_update", "gap", "alert")
        assert gap.data == {"channel": "alerts", "since": 5, "until": 5}


async def test_a_loss_in_a_quiet_channel_is_told_with_the_next_sign_of_life(peer: Peer, time: Time) -> None:
    peer.recovered = lambda name: False
    async with Listener(peer, time, "alerts") as listener:
        await found_again(peer, time, listener)
        await time.asleep(30)
        time.advance(30)
        assert (await listener.next()).type == "gap"


async def test_another_epoch_begins_anew_and_tells_the_loss_of_events_only(peer: Peer, time: Time) -> None:
    peer.recovered = lambda name: False
    async with Listener(peer, time, "alerts", "ea_updates") as listener:
        await peer.say("snapshot_end", {"channels": ["alerts", "ea_updates"], "position": 0})
        assert (await listener.next()).type == "snapshot_end"
        peer.epoch = "e2"
        await found_again(peer, time, listener)
        await peer.publish("ea_updates", 1, "7")
        await peer.publish("alerts", 2)
        row, gap, alert = [await listener.next() for _ in range(3)]
        assert (row.position, alert.position) == (1, 2)
        assert gap.data == {"channel": "alerts", "since": 5, "epoch": "e1"}
        await peer.close(4200)
        await time.asleep(1)
        time.advance(1)
        assert (await peer.heard("subscribe", 3))["since"]["epoch"] == "e2"


async def test_a_channel_that_is_refused_on_return_is_logged_and_given_up(
    peer: Peer, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    async with Listener(peer, time, "alerts", "trade_updates") as listener:
        refusal = {"channel": "alerts", "code": "forbidden", "message": "not any more"}
        answer = {"status": "subscribed", "channels": ["trade_updates"], "rejected": [refusal], "epoch": "e1"}
        peer.script["subscribe"] = lambda message: [{"type": "subscription_response", "data": answer}]
        await found_again(peer, time, listener)
        del peer.script["subscribe"]
        await listener.client.unsubscribe("ea_updates")
        assert "subscribe of alerts was refused: forbidden: not any more" in caplog.text
        await peer.close(4200)
        await time.asleep(1)
        time.advance(1)
        assert (await peer.heard("subscribe", 3))["channels"] == ["trade_updates"]


async def test_a_server_that_refuses_to_go_on_is_asked_again(peer: Peer, time: Time) -> None:
    async with Listener(peer, time, "alerts") as listener:
        peer.script["subscribe"] = lambda message: [
            {"type": "error", "data": {"code": "internal_error", "message": "oh", "temporary": True}}
        ]
        await found_again(peer, time, listener)
        del peer.script["subscribe"]
        await time.asleep(1)
        time.advance(1)
        await peer.heard("subscribe", 3)
        await peer.publish("alerts", 6)
        assert (await listener.next()).type in ("gap", "alert")


# ------------------------------------------------------------------------------------------------------- heartbeats


async def test_heartbeats_are_sent_as_often_as_the_server_says(peer: Peer, time: Time) -> None:
    peer.welcome = {"heartbeat_interval": 7, "heartbeat_timeout": 20}
    async with WebSocketClient(peer.url, TOKEN, clock=time.clock, sleep=time.sleep):
        for count in (1, 2, 3):
            assert await time.asleep(7) == 7
            time.advance(7)
            await peer.heard("heartbeat", count)


async def test_the_own_interval_wins_and_senseless_ones_are_not_believed(peer: Peer, time: Time) -> None:
    peer.welcome = {"heartbeat_interval": -1, "heartbeat_timeout": "soon"}
    async with WebSocketClient(peer.url, TOKEN, heartbeat_interval=3, clock=time.clock, sleep=time.sleep):
        assert await time.asleep(3) == 3
        assert await time.asleep(60) in (3, 60)


async def test_a_silent_server_is_dropped_and_found_again(peer: Peer, time: Time) -> None:
    peer.script["heartbeat"] = lambda message: []
    async with Listener(peer, time, "alerts", heartbeat_interval=10, heartbeat_timeout=25) as listener:
        await peer.publish("alerts", 1)
        await listener.next()  # what the server said before has arrived: from now on it is silent
        for count in (1, 2):
            await time.asleep(10)
            time.advance(10)
            await peer.heard("heartbeat", count)
        time.advance(5)
        await time.asleep(1)
        time.advance(1)
        await peer.heard("subscribe", 2)


async def test_a_ping_is_a_sign_of_life(peer: Peer, time: Time) -> None:
    peer.script["heartbeat"] = lambda message: []
    async with Listener(peer, time, "alerts", heartbeat_interval=10, heartbeat_timeout=25) as listener:
        for _ in range(5):
            time.advance(20)
            await (await peer.sockets[0].ping())
        await peer.publish("alerts", 1)
        assert (await listener.next()).position == 1
        assert peer.sockets_ever == 1


async def test_a_slow_handler_does_not_make_the_server_look_dead(peer: Peer, time: Time) -> None:
    release, busy = asyncio.Event(), asyncio.Event()
    client = WebSocketClient(peer.url, TOKEN, queue_max=1, heartbeat_timeout=25, clock=time.clock, sleep=time.sleep)

    async def slow(data: Any) -> None:
        busy.set()
        await release.wait()

    async with client:
        await client.subscribe("alerts")
        client.register_message_handler("alert", slow)
        for number in (1, 2, 3, 4):
            await peer.publish("alerts", number)
        await asyncio.wait_for(busy.wait(), 10)
        await reading_waits(client)
        for _ in range(10):
            time.advance(25)
            for _ in range(10):
                await asyncio.sleep(0)
        assert client.connected
        release.set()
        await client.unsubscribe("alerts")
        assert peer.sockets_ever == 1


# ---------------------------------------------------------------------------------------------------------- secrets


async def test_the_token_is_in_no_log_and_no_repr(peer: Peer, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "fleetwire.client", "fleetwire.client.websocket", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with Listener(peer, time, "alerts") as listener:
        peer.script["auth"] = lambda message: [
            {"type": "error", "data": {"code": "x", "message": f"{message['data']['token']} is too long"}}
        ]
        await peer.close(4200, f"bye {TOKEN}")
        await time.asleep(0)
        time.advance(0)
        await peer.heard("auth", 2)
        await time.asleep(1)
        del peer.script["auth"]
        time.advance(1)
        await peer.heard("subscribe", 2)
        assert TOKEN not in repr(listener.client)
        assert TOKEN not in repr(vars(listener.client))
    assert caplog.records
    assert TOKEN not in caplog.text
    assert not any(record.name.startswith("websockets") for record in caplog.records)
