"""The third shape that users write: one asyncio script that notes in a file what it has bought, and goes on from there.

argv: the number of videos.
"""

import asyncio
import json
import sys
from pathlib import Path

import httpx

from benchmarks.peers import provider

NOTES = provider.FOLDER / "checkpoint.json"
AT_ONCE = 24


async def main(videos: int) -> None:
    """Make every video that is not there yet."""
    notes: dict[str, str] = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    at_once = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(timeout=20) as client:

        async def one(number: int) -> None:
            async with at_once:
                await _make(str(number), notes, client)

        await asyncio.gather(*(one(number) for number in range(videos)))


async def _make(number: str, notes: dict[str, str], client: httpx.AsyncClient) -> None:
    """One video, from order to file."""
    if number not in notes:
        notes[number] = await asyncio.to_thread(provider.submit, int(number))
        _write(NOTES, json.dumps(notes).encode())
    task_id, polls = notes[number], 0
    file = provider.FOLDER / f"{task_id}.mp4"
    if file.exists():
        return
    while (url := await asyncio.to_thread(provider.link, task_id)) is None:
        await asyncio.sleep(provider.wait_s(polls))
        polls += 1
    _write(file, (await client.get(url)).raise_for_status().content)


def _write(file: Path, data: bytes) -> None:
    part = file.with_suffix(".part")
    part.write_bytes(data)
    part.replace(file)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
