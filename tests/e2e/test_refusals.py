"""A misconfigured process exits with status 2, logs why, and leaves Redis unchanged."""

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
    """Yield the URL of a Redis that processes with other encryption keys use."""
    client = connect(redis_url, Canary(Cipher(parse_keys(THEIRS))))
    await client.set("something", "of theirs")
    yield redis_url
    await client.aclose()


@contextmanager
def process(
    url: str, log: Path, *arguments: str, port: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python with these arguments and our keys on that Redis, until the block ends."""
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
    """Return the number of changes to the server's data."""
    return int((await redis.info("persistence"))["rdb_changes_since_last_save"])


COMMANDS = (("web",), ("worker",), ("keys", "rotate"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_wrong_encryption_keys(
    redis: Any, theirs: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Wrong encryption keys change nothing in Redis; the log has the reason and no traceback."""
    log = tmp_path / "log"
    changes = await changes_of(redis)
    with process(theirs, log, "-m", "bot", *command) as running:
        assert await ends(running) == 2
    assert await changes_of(redis) == changes
    text = log.read_text(encoding="utf-8")
    assert "ENCRYPTION_KEYS can't decrypt the data in this Redis" in text
    assert "Traceback" not in text
    assert OURS not in text


@pytest.mark.parametrize("command", ["web", "worker"])
async def test_another_redis_with_other_keys(
    redis: Any, redis_url: str, tmp_path: Path, command: str
) -> None:
    """A process that is redirected to another Redis stops, too."""
    log = tmp_path / "log"
    with free_socket() as found:
        port = int(found.getsockname()[1])
    with process(redis_url, log, "-m", "bot", command, port=port) as running:
        async with asyncio.timeout(SOON):
            while not await redis.exists("emporix-jobs:canary"):  # noqa: ASYNC110 - it is watched
                await asyncio.sleep(0.05)
        theirs = Cipher(parse_keys(THEIRS)).encrypt(CANARY_TEXT, build_aad(redis_keys.canary()))
        await redis.set(redis_keys.canary(), theirs)
        await redis.client_kill_filter(_type="normal", skipme=True)
        async with asyncio.timeout(SOON):
            while running.poll() is None:  # the web process connects with the first request
                with suppress(httpx.HTTPError):
                    await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/readyz")
        assert await ends(running) == 2
    assert "ENCRYPTION_KEYS can't decrypt" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [10, -10])
async def test_a_wrong_clock(redis: Any, redis_url: str, tmp_path: Path, seconds: int) -> None:
    """A worker with a wrong clock exits, because it would take over running tasks of others."""
    log = tmp_path / "log"
    with process(redis_url, log, "-c", AHEAD.format(seconds=seconds)) as running:
        assert await ends(running) == 2
    text = log.read_text(encoding="utf-8")
    assert f"not taking tasks: the clock is {'-' if seconds < 0 else ''}" in text
    assert await redis.keys("saq:*") == []
