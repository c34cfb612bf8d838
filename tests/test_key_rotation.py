"""Key rotation: every secret is encrypted with the first key, and the command reports it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bot.cli import main
from bot.domain.accounts import Caller, Token
from bot.key_rotation import ROTATION_BATCH_SIZE, EncryptedText, KeyRotation, RotationTally, advice
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore, TokenStore
from bot.store.alerts import AlertStore
from bot.store.cleanups import CleanupResults, CleanupStore
from bot.store.digests import DigestStore
from bot.store.due_index import agent_pause_store
from bot.store.encryption import (
    CONNECTION_FIELD,
    TOKEN_FIELD,
    AccountEncryption,
    Cipher,
    EncryptionKey,
    new_key,
    parse_keys,
)
from bot.store.watches import WatchStore
from tests.harness.clock import NOW
from tests.store.fixtures import ADA, GRACE, SCOPES, connection
from tests.store.test_alerts import ALERT, POSTS, RESPONSES
from tests.store.test_cleanups import CLEAN
from tests.store.test_digests import DIGEST
from tests.store.test_due_index import PAUSE
from tests.store.test_watches import WATCH

OLD, NEW = parse_keys(f"{new_key()},{new_key()}")
OLD_ONLY, BOTH, NEW_ONLY = (OLD,), (NEW, OLD), (NEW,)


async def at_once(_: float) -> None:
    """A pause that lets other tasks run, and takes no time."""
    await asyncio.sleep(0)


def rotation(redis: Any, keys: tuple[EncryptionKey, ...] = BOTH) -> KeyRotation:
    return KeyRotation(redis, Cipher(keys), sleep=at_once)


async def rotate(redis: Any, keys: tuple[EncryptionKey, ...] = BOTH) -> RotationTally:
    return [tally async for tally in rotation(redis, keys).run()][-1]


def accounts(redis: Any, keys: tuple[EncryptionKey, ...]) -> AccountStore:
    return AccountStore(redis, AccountEncryption(Cipher(keys)))


def person(number: int) -> Caller:
    return Caller("T0ACME", f"U{number:05}")


async def fill(redis: Any, count: int, keys: tuple[EncryptionKey, ...] = OLD_ONLY) -> None:
    """Save this many accounts, each with a connection and a token."""
    records = AccountEncryption(Cipher(keys))
    async with redis.pipeline(transaction=False) as pipe:
        for held in (connection(person(number)) for number in range(count)):
            assert held.token
            encrypted = {
                CONNECTION_FIELD + held.tenant: records.encrypt_connection(held),
                TOKEN_FIELD + held.tenant: records.encrypt_token(held, held.token),
                "default": held.tenant,
            }
            pipe.hset(redis_keys.account(held.caller), mapping=encrypted)
        await pipe.execute()


async def test_encrypts_inactive_records(redis: Any) -> None:
    """Thousands of inactive accounts can be decrypted with the new key alone."""
    await fill(redis, 3000)
    tally = await rotate(redis)
    assert (tally.accounts, tally.reencrypted, tally.is_complete) == (3000, 6000, True)
    for number in (0, 1499, 2999):
        account = await accounts(redis, NEW_ONLY).load(person(number))
        assert account.connections["acme"] == connection(person(number))
        assert account.default_tenant == "acme"


async def test_skips_current_records(redis: Any) -> None:
    """A second run writes nothing."""
    await fill(redis, 100)
    await rotate(redis)
    before = await everything(redis)
    tally = await rotate(redis)
    assert (tally.current, tally.reencrypted) == (200, 0)
    assert await everything(redis) == before


async def test_can_be_broken_off(redis: Any) -> None:
    """An interrupted run keeps its results, and the next run does the rest."""
    await fill(redis, 5 * ROTATION_BATCH_SIZE)
    run = rotation(redis).run()
    done = (await anext(run)).reencrypted
    await run.aclose()  # type: ignore[attr-defined]
    tally = await rotate(redis)
    assert (tally.current, tally.reencrypted) == (done, 10 * ROTATION_BATCH_SIZE - done)
    assert 0 < done < 10 * ROTATION_BATCH_SIZE


async def test_reports_undecryptable_secrets(redis: Any) -> None:
    """A missing key is reported by its id, and its texts are kept."""
    (lost,) = parse_keys(new_key())
    await fill(redis, 10, (lost,))
    await accounts(redis, OLD_ONLY).save(connection(), default=True)
    before = await redis.hgetall(redis_keys.account(person(1)))
    tally = await rotate(redis)
    assert dict(tally.unreadable) == {lost.id: 20}
    assert (tally.reencrypted, tally.is_complete) == (2, False)
    assert await redis.hgetall(redis_keys.account(person(1))) == before


async def test_leaves_other_keys_alone(redis: Any) -> None:
    """Cursors, the audit log and other unencrypted keys aren't changed."""
    await fill(redis, 3)
    await redis.set(redis_keys.cursor(ADA, "cursor-1"), "a cursor")
    await redis.set("somebody-else:account", "a text")
    await redis.xadd(redis_keys.audit(ADA), {"user_id": "U0ADA"})
    tally = await rotate(redis)
    assert (tally.accounts, tally.records) == (3, 0)
    assert await redis.get(redis_keys.cursor(ADA, "cursor-1")) == "a cursor"


class Meddling(KeyRotation):
    """Calls a function between reading and writing a batch."""

    def __init__(self, redis: Any, meddle: Any, times: int = 1) -> None:
        super().__init__(redis, Cipher(BOTH), sleep=at_once)
        self._meddle, self._times = meddle, times

    async def _write(
        self, found: list[EncryptedText], tally: RotationTally
    ) -> list[tuple[str, str]]:
        if self._times:
            self._times -= 1
            await self._meddle()
        return await super()._write(found, tally)


async def meddled(redis: Any, meddle: Any, times: int = 1) -> RotationTally:
    return [tally async for tally in Meddling(redis, meddle, times).run()][-1]


FRESH = Token("fresh", NOW + 7200, SCOPES, "acme")


async def test_does_not_overwrite_a_fresh_token(redis: Any) -> None:
    """A token refreshed between reading and writing is kept."""
    await fill(redis, 1)
    tokens = TokenStore(redis, AccountEncryption(Cipher(BOTH)))
    tally = await meddled(redis, lambda: tokens.save(connection(person(0)), FRESH))
    assert await tokens.load(connection(person(0))) == FRESH
    assert (tally.reencrypted, tally.current, tally.is_complete) == (1, 1, True)


async def test_does_not_revive_a_connection(redis: Any) -> None:
    """A connection removed between reading and writing isn't restored."""
    await fill(redis, 1)
    store = accounts(redis, BOTH)
    tally = await meddled(redis, lambda: store.delete(person(0), "acme", ""))
    assert await redis.keys("*") == []
    assert (tally.reencrypted, tally.is_complete) == (0, True)


async def test_encrypts_secrets_written_during_the_rotation(redis: Any) -> None:
    """A text written with the old key during the rotation is re-encrypted."""
    await fill(redis, 1)
    tokens = TokenStore(redis, AccountEncryption(Cipher(OLD_ONLY)))
    tally = await meddled(redis, lambda: tokens.save(connection(person(0)), FRESH))
    assert (
        await TokenStore(redis, AccountEncryption(Cipher(NEW_ONLY))).load(connection(person(0)))
        == FRESH
    )
    assert (tally.reencrypted, tally.is_complete) == (2, True)


async def test_says_when_an_old_process_is_faster(redis: Any) -> None:
    """If that happens repeatedly, the output says that something is left."""
    await fill(redis, 1)
    tokens = TokenStore(redis, AccountEncryption(Cipher(OLD_ONLY)))
    tally = await meddled(redis, lambda: tokens.save(connection(person(0)), FRESH), times=2)
    assert (tally.changed, tally.is_complete) == (1, False)


async def test_many_write_while_it_runs(redis: Any) -> None:
    """Concurrent refreshes, disconnects and connections are neither lost nor undone."""
    count = 999
    await fill(redis, count)
    store, tokens = accounts(redis, BOTH), TokenStore(redis, AccountEncryption(Cipher(BOTH)))

    async def bot() -> None:
        for number in range(0, count, 3):
            await tokens.save(connection(person(number)), FRESH)
            await store.delete(person(number + 1), "acme", "")
            await store.save(connection(person(count + number)), default=True)

    _, tally = await asyncio.gather(bot(), rotate(redis))
    assert tally.is_complete
    assert (await rotate(redis)).reencrypted == 0
    after = accounts(redis, NEW_ONLY)
    for number in range(0, count, 3):
        refreshed = replace(connection(person(number)), token=FRESH)
        assert (await after.load(person(number))).connections["acme"] == refreshed
        assert not (await after.load(person(number + 1))).connections
        assert (await after.load(person(count + number))).connections


@pytest.mark.parametrize("per_second", [100, 1000])
async def test_keeps_to_its_rate(redis: Any, per_second: float) -> None:
    """The pause between batches follows from the rate."""
    pauses = list[float]()

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    await fill(redis, 3 * ROTATION_BATCH_SIZE)
    batches = 0
    async for _ in KeyRotation(redis, Cipher(BOTH), per_second=per_second, sleep=note).run():
        batches += 1
    assert pauses == [ROTATION_BATCH_SIZE / per_second] * (batches - 1)


async def everything(redis: Any) -> dict[str, dict[str, str]]:
    return {key: await redis.hgetall(key) for key in await redis.keys("*:account")}


async def fill_by_clock(redis: Any) -> None:
    """A digest, an alert with messages, a watch and a clean-up, encrypted with the old key."""
    cipher = Cipher(OLD_ONLY)
    await DigestStore(redis, cipher).save(DIGEST)
    await AlertStore(redis, cipher).save(ALERT, None, POSTS)
    await AlertStore(redis, cipher).responses.update(ALERT.id, NOW, lambda _: RESPONSES)
    await WatchStore(redis, cipher).add(WATCH, 105.0, 50)
    await CleanupStore(redis, cipher).start(CLEAN, NOW)
    await CleanupStore(redis, cipher).acquire_lease(CLEAN.id, "1.worker.1")
    await CleanupStore(redis, cipher).freeze_job_ids(CLEAN, ["job-1"], "1.worker.1")
    await CleanupStore(redis, cipher).request_stop(CLEAN.id, "U0ADA")
    await CleanupResults(redis).record(CLEAN.id, "1.worker.1", "job-1", "deleted")
    await agent_pause_store(redis, cipher).update(PAUSE.id, NOW, lambda _: PAUSE)
    await redis.hset(redis_keys.watches_failures(), "source", 1)


async def test_encrypts_scheduled_work(redis: Any) -> None:
    """Digests, alerts, watches, clean-ups and pauses of agents are re-encrypted too."""
    await fill_by_clock(redis)
    ttl = await redis.ttl(redis_keys.alert_posts(ALERT.id))
    tally = await rotate(redis)
    assert (tally.accounts, tally.records, tally.reencrypted) == (0, 8, 8)
    assert tally.is_complete
    cipher = Cipher(NEW_ONLY)
    assert await agent_pause_store(redis, cipher).load(PAUSE.id) == PAUSE
    assert await DigestStore(redis, cipher).load(DIGEST.id) == replace(DIGEST, version=1)
    assert await AlertStore(redis, cipher).load(ALERT.id) == replace(ALERT, version=1)
    assert await AlertStore(redis, cipher).load_posts(ALERT.id) == POSTS
    assert await AlertStore(redis, cipher).responses.load(ALERT.id) == [RESPONSES]
    assert await WatchStore(redis, cipher).of_owner(ADA) == (WATCH,)
    assert await CleanupStore(redis, cipher).load(CLEAN.id) == CLEAN
    assert await CleanupStore(redis, cipher).load_job_ids(CLEAN.id) == ["job-1"]
    assert ttl - 5 < await redis.ttl(redis_keys.alert_posts(ALERT.id)) <= ttl
    assert (await rotate(redis)).current == 8


async def test_does_not_overwrite_changes_by_a_worker(redis: Any) -> None:
    """A string that changes between reading and writing keeps the new value."""
    store = AlertStore(redis, Cipher(BOTH))
    saved = await AlertStore(redis, Cipher(OLD_ONLY)).save(ALERT, None, POSTS)
    tally = await meddled(redis, lambda: store.save(ALERT, saved, ()), times=2)
    assert await store.load_posts(ALERT.id) == ()
    assert tally.is_complete


OLD_TEXT, NEW_TEXT = new_key(), new_key()


@pytest.fixture
def settings(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)  # without the .env of the developer
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": f"{NEW_TEXT},{OLD_TEXT}",
    }.items():
        monkeypatch.setenv(name, value)


def store(redis: Any, keys: str) -> AccountStore:
    return AccountStore(redis, AccountEncryption(Cipher(parse_keys(keys))))


async def in_a_thread() -> int:
    """Run the command with its own event loop."""
    return await asyncio.to_thread(main, ["keys", "rotate"])


@pytest.mark.usefixtures("settings")
async def test_prints_the_result(redis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The output has the number of re-encrypted secrets, and says that old keys can be removed."""
    await store(redis, OLD_TEXT).save(connection(ADA), default=True)
    await store(redis, NEW_TEXT).save(connection(GRACE), default=True)
    assert await in_a_thread() == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 accounts and 0 other records: "
        "2 secrets re-encrypted, 2 already current, 0 can't be decrypted",
        "All secrets are encrypted with the first key; "
        "you can remove the others from ENCRYPTION_KEYS.",
    ]
    assert "acme" in (await store(redis, NEW_TEXT).load(ADA)).connections


@pytest.mark.usefixtures("settings")
async def test_fails_where_something_is_left(
    redis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing key is named, and the exit status is 1."""
    lost = new_key()
    await store(redis, lost).save(connection(ADA), default=True)
    assert await in_a_thread() == 1
    written = capsys.readouterr().out
    assert f"2 encrypted with key '{parse_keys(lost)[0].id}' can't be decrypted." in written
    assert not any(key in written for key in (lost, OLD_TEXT, NEW_TEXT))


def test_names_every_key_that_is_missing() -> None:
    """Missing keys are listed in a stable order, with the number of their secrets."""
    tally = RotationTally(unreadable=Counter({"bbbb": 1, "cccc": 2000, "aaaa": 3}))
    lines = advice(tally).splitlines()
    assert [line.partition(" can't")[0] for line in lines] == [
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
    assert capsys.readouterr().out.startswith("Redis doesn't answer")
