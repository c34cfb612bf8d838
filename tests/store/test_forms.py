"""What an open form remembers: sealed, its user's own, and gone after an hour."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import OutdatedButton
from bot.store import keys as redis_keys
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.forms import FORM_TTL_SECONDS, FormStore
from tests.store.fixtures import ADA, GRACE

FACTS = {"response_url": "https://hooks.example/secret", "message": {"text": "late refund"}}


def forms(redis: Any, key: str) -> FormStore:
    return FormStore(redis, Cipher(parse_keys(key)), lambda: "form-1")


async def test_gives_back_what_was_kept(redis: Any) -> None:
    """For an hour."""
    store = forms(redis, new_key())
    assert await store.load(ADA, await store.save(ADA, FACTS)) == FACTS
    assert 0 < await redis.ttl(redis_keys.form(ADA, "form-1")) <= FORM_TTL_SECONDS


async def test_nothing_of_it_lies_open(redis: Any) -> None:
    """Read access to Redis is not enough to post or to read the answers."""
    await forms(redis, new_key()).save(ADA, FACTS)
    stored = await redis.get(redis_keys.form(ADA, "form-1"))
    assert "hooks" not in stored
    assert "refund" not in stored


async def test_opens_for_its_user_only(redis: Any) -> None:
    """Not for another one, even where it was copied to their key."""
    store = forms(redis, new_key())
    await store.save(ADA, FACTS)
    await redis.set(
        redis_keys.form(GRACE, "form-1"), await redis.get(redis_keys.form(ADA, "form-1"))
    )
    with pytest.raises(OutdatedButton):
        await store.load(GRACE, "form-1")


async def test_says_that_it_is_too_old(redis: Any) -> None:
    """After the hour, and where its key is configured no more."""
    store = forms(redis, new_key())
    with pytest.raises(OutdatedButton):
        await store.load(ADA, "form-1")
    await store.save(ADA, FACTS)
    with pytest.raises(OutdatedButton):
        await forms(redis, new_key()).load(ADA, "form-1")
