"""Fakes for the client's dependencies: the token store and a connection."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from bot.domain.accounts import DELETE_SCOPE, READ_SCOPE, Caller, Connection, Credentials, Token

NOW = 1_764_000_000.0


class FakeTokens:
    """Stores one token in memory; `reads` counts how often it was loaded."""

    def __init__(self, stored: Token | None = None) -> None:
        self.stored, self.reads, self.saves = stored, 0, 0
        self.guard = asyncio.Lock()

    async def load(self, connection: Connection) -> Token | None:
        self.reads += 1
        return self.stored

    async def save(self, connection: Connection, token: Token) -> None:
        self.saves += 1
        self.stored = token

    def lock(self, connection: Connection) -> AbstractAsyncContextManager[object]:
        return self.guard


def valid_token(value: str = "valid-token", seconds: float = 3600) -> Token:
    """A token that expires in `seconds`."""
    return Token(value, NOW + seconds, frozenset({READ_SCOPE, DELETE_SCOPE}))


def connection(token: Token | None = None, tenant: str = "acme") -> Connection:
    """A connection with a valid token, unless another one is given."""
    return Connection(
        caller=Caller("T1", "U1"),
        tenant=tenant,
        credentials=Credentials("the-id", "the-secret"),
        scopes=frozenset(),
        connected_at=NOW,
        token=token or valid_token(),
    )
