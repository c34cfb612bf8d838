"""A process that is set up wrongly ends with status 2, says why, and leaves Redis as it was."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.store import keys as redis_keys
from bot.store.connection import connect
from bot.store.encryption import CANARY_TEXT, Canary, Cipher, build_aad, new_key, parse_keys
from sandbox.processes import PROJECT
from sandbox.server import free_socket

SOON = 20.0
OURS, THEIRS = new_key(), new_key()
NOWHERE = "http://127.0.0.1:9"
AHEAD = (
    "import sys, time; from bot.settings import load_settings; from bot.worker import run_worker; "
    "sys.exit(run_worker(load_settings(), lambda: time.time() + {seconds}))"
)


@pytest.fixture
async def theirs(redis: Any, redis_url: str) -> AsyncIterator[str]:
    """A Redis that processes with other keys use; gives its address."""
    client = connect(redis_url, Canary(Cipher(parse_keys(THEIRS))))
    await client.set("something", "of theirs")
    yield redis_url
    await client.aclose()


@contextmanager
def process(
    url: str, log: Path, *arguments: str, port: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments, with our keys at that Redis; it ends with the block."""
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-refused",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "SLACK_API_URL": f"{NOWHERE}/api/",
        "EMPORIX_API_URL": NOWHERE,
        "REDIS_URL": url,
        "ENCRYPTION_KEYS": OURS,
        "PORT": str(port),
    }
    with log.open("wb") as written:
        running = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **settings},
            stdout=written,
            stderr=written,
        )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()


async def ends(running: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(running.wait, SOON)


async def changes_of(redis: Any) -> int:
    """How many changes the server has made to its data."""
    return int((await redis.info("persistence"))["rdb_changes_since_last_save"])


COMMANDS = (("web",), ("worker",), ("keys", "rotate"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_keys_that_do_not_fit(
    redis: Any, theirs: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Nothing in Redis has changed, and the reason is in the log, without a traceback."""
    log = tmp_path / "log"
    changes = await changes_of(redis)
    with process(theirs, log, "-m", "bot", *command) as running:
        assert await ends(running) == 2
    assert await changes_of(redis) == changes
    text = log.read_text(encoding="utf-8")
    assert "ENCRYPTION_KEYS cannot read the data in this Redis" in text
    assert "Traceback" not in text
    assert OURS not in text


@pytest.mark.parametrize("command", ["web", "worker"])
async def test_keys_that_no_longer_fit(
    redis: Any, redis_url: str, tmp_path: Path, command: str
) -> None:
    """A process that is led to another Redis stops, too."""
    log = tmp_path / "log"
    with free_socket() as found:
        port = int(found.getsockname()[1])
    with process(redis_url, log, "-m", "bot", command, port=port) as running:
        async with asyncio.timeout(SOON):
            while not await redis.exists("emporix-jobs:canary"):  # noqa: ASYNC110 - it is watched
                await asyncio.sleep(0.05)
        theirs = Cipher(parse_keys(THEIRS)).seal(CANARY_TEXT, build_aad(redis_keys.canary()))
        await redis.set(redis_keys.canary(), theirs)
        await redis.client_kill_filter(_type="normal", skipme=True)
        async with asyncio.timeout(SOON):
            while running.poll() is None:  # web connects when it is asked for something
                with suppress(httpx.HTTPError):
                    await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/readyz")
        assert await ends(running) == 2
    assert "ENCRYPTION_KEYS cannot read" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [10, -10])
async def test_a_clock_that_is_wrong(
    redis: Any, redis_url: str, tmp_path: Path, seconds: int
) -> None:
    """A worker would take the running tasks of others for dead."""
    log = tmp_path / "log"
    with process(redis_url, log, "-c", AHEAD.format(seconds=seconds)) as running:
        assert await ends(running) == 2
    text = log.read_text(encoding="utf-8")
    assert f"not taking tasks: the clock is {'-' if seconds < 0 else ''}" in text
    assert await redis.keys("saq:*") == []
