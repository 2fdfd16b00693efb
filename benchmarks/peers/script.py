"""The third shape with aiolimiter for the rate, a semaphore for the slots, and tenacity for whatever goes wrong.

argv: the number of videos.
"""

import asyncio
import sys
from typing import Any

import httpx
from aiolimiter import AsyncLimiter
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from benchmarks.peers import provider

#: Videos that wait for the rate at once.
AT_THE_DOOR = 50

patient = retry(
    retry=retry_if_exception_type(httpx.HTTPError),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    stop=stop_after_attempt(20),
    reraise=True,
)


async def main(videos: int) -> None:
    """Make every video."""
    rate = AsyncLimiter(provider.SUBMITS, provider.MINUTE_S)
    slots = asyncio.Semaphore(provider.SLOTS)
    # Thousands that wait for the rate at once would keep it from everybody.
    door = asyncio.Semaphore(AT_THE_DOOR)
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=provider.BASE, headers=provider.KEY, timeout=20, limits=limits) as client:

        @patient
        async def submit(number: int) -> str:
            async with rate:
                return str(_json(await client.post(provider.MODEL, json=provider.order(number)))["request_id"])

        @patient
        async def link(task_id: str) -> str | None:
            if _json(await client.get(f"/v2/requests/{task_id}/status"))["status"] != "COMPLETED":
                return None
            return str(_json(await client.get(f"/v2/requests/{task_id}"))["output"])

        @patient
        async def download(url: str, task_id: str) -> None:
            part = provider.FOLDER / f"{task_id}.part"
            async with client.stream("GET", url) as answer:
                answer.raise_for_status()
                with part.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        file.write(chunk)
            part.rename(part.with_suffix(".mp4"))

        async def make(number: int) -> None:
            async with slots:
                async with door:
                    task_id = await submit(number)
                polls, url = 0, None
                while url is None:
                    await asyncio.sleep(provider.wait_s(polls))
                    url = await link(task_id)
                    polls += 1
            await download(url, task_id)

        await asyncio.gather(*(make(number) for number in range(videos)))


def _json(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
