"""What connecting says about a key that cannot be used."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.domain.accounts import Caller, Credentials
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import ConnectRefused
from bot.services.accounts import AccountService
from bot.store.accounts import AccountStore, TokenStore
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from tests.emporix.fakes import NOW
from tests.emporix.scripted import reply, scripted

GRACE = Caller("T0DEMO", "U0GRACE")


@pytest.mark.parametrize(
    ("code", "reason"), [("invalid_client", "credentials"), ("invalid_scope", "no_read_scope")]
)
async def test_a_refused_key_is_explained(code: str, reason: str, redis: Redis) -> None:
    """A key that the token endpoint refuses is told apart from one that lacks the scopes."""
    records = AccountEncryption(Cipher(parse_keys(new_key())))
    async with (
        scripted(reply({"error": code}, status=400)) as server,
        http_client(server.url) as http,
    ):
        emporix = EmporixClient(http, TokenStore(redis, records), lambda: NOW)
        accounts = AccountService(AccountStore(redis, records), emporix, lambda: NOW)
        with pytest.raises(ConnectRefused) as caught:
            await accounts.connect(GRACE, "acme", Credentials("id", "secret"))
    assert caught.value.reason == reason
