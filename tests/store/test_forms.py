"""The state of an open modal is encrypted, belongs to one user and expires after an hour."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import OutdatedButton
from bot.store import keys as redis_keys
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.ui_state import FORM_TTL_SECONDS, FormStore
from tests.store.fixtures import ADA, GRACE

FACTS = {"response_url": "https://hooks.example/secret", "message": {"text": "late refund"}}


def forms(redis: Any, key: str) -> FormStore:
    return FormStore(redis, Cipher(parse_keys(key)), lambda: "form-1")


async def test_loads_the_saved_state(redis: Any) -> None:
    """The state is kept for an hour."""
    store = forms(redis, new_key())
    assert await store.load(ADA, await store.save(ADA, FACTS)) == FACTS
    assert 0 < await redis.ttl(redis_keys.form(ADA, "form-1")) <= FORM_TTL_SECONDS


async def test_nothing_of_it_lies_open(redis: Any) -> None:
    """The state is unreadable in Redis: a response_url would let anyone post."""
    await forms(redis, new_key()).save(ADA, FACTS)
    stored = await redis.get(redis_keys.form(ADA, "form-1"))
    assert "hooks" not in stored
    assert "refund" not in stored


async def test_only_its_user_can_load_the_state(redis: Any) -> None:
    """Another user can't load the state, even if it was copied to their key."""
    store = forms(redis, new_key())
    await store.save(ADA, FACTS)
    await redis.set(
        redis_keys.form(GRACE, "form-1"), await redis.get(redis_keys.form(ADA, "form-1"))
    )
    with pytest.raises(OutdatedButton):
        await store.load(GRACE, "form-1")


async def test_expired_state_is_outdated(redis: Any) -> None:
    """Expired or undecryptable state raises OutdatedButton."""
    store = forms(redis, new_key())
    with pytest.raises(OutdatedButton):
        await store.load(ADA, "form-1")
    await store.save(ADA, FACTS)
    with pytest.raises(OutdatedButton):
        await forms(redis, new_key()).load(ADA, "form-1")


async def test_is_taken_once(redis: Any) -> None:
    """Only the first caller gets the state, so that its action happens once."""
    store = forms(redis, new_key())
    form_id = await store.save(ADA, FACTS)
    assert await store.take(GRACE, form_id) is None
    assert await store.take(ADA, form_id) == FACTS
    assert await store.take(ADA, form_id) is None


async def test_looks_for_a_watch_in_the_same_round_trip(redis: Any) -> None:
    """A job's modal needs to know whether the user watches the job."""
    store = forms(redis, new_key())
    await redis.hset(redis_keys.watches(ADA), "acme:job-1", "a watch")
    assert await store.save_and_check_watch(ADA, FACTS, "acme", "job-1") == ("form-1", True)
    assert await store.save_and_check_watch(ADA, FACTS, "acme", "job-2") == ("form-1", False)
    assert await store.load(ADA, "form-1") == FACTS
