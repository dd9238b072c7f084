"""Many who sign in at once: `python -m bench.accounts.entering URL`, which reads the numbers of readers, line by line.

For each line all of these sign in at once, and the seconds that each took are answered. A program of its own, so that
its work is no part of what is measured beside it.
"""

import asyncio
import sys

import aiohttp
import orjson

from bench.accounts.asking import Asker


async def main(url: str) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        # Read in a thread: nothing else is done until there is a line.
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = (
                Asker(http, url, f"198.51.{number >> 8 & 255}.{number & 255}").sign_in(f"reader{number}@example.org")
                for number in map(int, line.split())
            )
            answers = await asyncio.gather(*asked)
            refused = [code for answer in answers for code in answer.codes]
            seconds = [answer.seconds for answer in answers]
            print(orjson.dumps({"refused": refused, "seconds": seconds}).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
