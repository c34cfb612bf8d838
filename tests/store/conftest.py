"""Stores on a real Redis."""

from __future__ import annotations

from typing import Any

import pytest

from bot.keys import new_key, parse_keys
from bot.store.accounts import AccountStore
from bot.store.records import Records
from bot.store.tokens import TokenStore
from bot.store.vault import Vault


@pytest.fixture
def records() -> Records:
    return Records(Vault(parse_keys(new_key())))


@pytest.fixture
def accounts(redis: Any, records: Records) -> AccountStore:
    return AccountStore(redis, records)


@pytest.fixture
def tokens(redis: Any, records: Records) -> TokenStore:
    return TokenStore(redis, records)
