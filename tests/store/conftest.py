"""Stores on a real Redis."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store.accounts import AccountStore, TokenStore
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys


@pytest.fixture
def records() -> AccountEncryption:
    return AccountEncryption(Cipher(parse_keys(new_key())))


@pytest.fixture
def accounts(redis: Any, records: AccountEncryption) -> AccountStore:
    return AccountStore(redis, records)


@pytest.fixture
def tokens(redis: Any, records: AccountEncryption) -> TokenStore:
    return TokenStore(redis, records)
