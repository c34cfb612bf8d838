"""emporix-bot keys rotate: what an operator reads, and what a script learns."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bot.cli import main
from bot.key_rotation import RotationTally, advice
from bot.store.accounts import AccountStore
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from tests.store.fixtures import ADA, GRACE, connection

OLD, NEW = new_key(), new_key()


@pytest.fixture
def settings(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)  # no .env of whoever runs this
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": f"{NEW},{OLD}",
    }.items():
        monkeypatch.setenv(name, value)


def store(redis: Any, keys: str) -> AccountStore:
    return AccountStore(redis, AccountEncryption(Cipher(parse_keys(keys))))


async def in_a_thread() -> int:
    """The command as it runs: with an event loop of its own."""
    return await asyncio.to_thread(main, ["keys", "rotate"])


@pytest.mark.usefixtures("settings")
async def test_says_what_it_has_done(redis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """How many were re-encrypted, and that the old key may go."""
    await store(redis, OLD).save(connection(ADA), default=True)
    await store(redis, NEW).save(connection(GRACE), default=True)
    assert await in_a_thread() == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 accounts and 0 other records: "
        "2 secrets re-encrypted, 2 already current, 0 cannot be decrypted",
        "All are encrypted with the first key; the others can be removed from ENCRYPTION_KEYS.",
    ]
    assert "acme" in (await store(redis, NEW).load(ADA)).connections


@pytest.mark.usefixtures("settings")
async def test_fails_where_something_is_left(
    redis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key that is missing is named, and a script may not go on."""
    lost = new_key()
    await store(redis, lost).save(connection(ADA), default=True)
    assert await in_a_thread() == 1
    written = capsys.readouterr().out
    assert f"2 encrypted with key '{parse_keys(lost)[0].id}' cannot be decrypted." in written
    assert not any(key in written for key in (lost, OLD, NEW))


def test_names_every_key_that_is_missing() -> None:
    """In the same order each time, with how many secrets wait for it."""
    tally = RotationTally(unreadable=Counter({"bbbb": 1, "cccc": 2000, "aaaa": 3}))
    lines = advice(tally).splitlines()
    assert [line.partition(" cannot")[0] for line in lines] == [
        "3 encrypted with key 'aaaa'",
        "1 encrypted with key 'bbbb'",
        "2,000 encrypted with key 'cccc'",
    ]


@pytest.mark.usefixtures("settings")
async def test_says_that_redis_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line instead of a traceback."""
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    assert await in_a_thread() == 1
    assert capsys.readouterr().out.startswith("Redis does not answer")
