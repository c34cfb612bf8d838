"""A user's connections to Emporix tenants: connect, disconnect, choose the default."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from bot.domain.accounts import (
    DELETE_SCOPE,
    DELETE_SCOPES,
    READ_SCOPE,
    Account,
    Caller,
    Connection,
    Credentials,
    Token,
    require_connection,
)
from bot.domain.alerts import Alert
from bot.domain.digests import Digest
from bot.domain.filters import Filters
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import ConnectRefused, Forbidden, InvalidInput, NotConnected, Unauthorized
from bot.services.filters.definitions import parse_tenant_name
from bot.store.accounts import AccountStore

CONNECTION_ERRORS = (NotConnected, Unauthorized, Forbidden)
"""Errors that mean that a connection no longer works."""

MAX_CONNECTION_FAILURES = 3
"""After this many consecutive refusals of an API key, its connection counts as broken."""


class AccountService:
    """The connections of users. Every method raises StoreUnavailable if Redis is down."""

    def __init__(self, store: AccountStore, emporix: EmporixClient, clock: Clock) -> None:
        self._store, self._emporix, self._clock = store, emporix, clock

    async def load(self, caller: Caller) -> Account:
        """Load all connections of a user."""
        return await self._store.load(caller)

    async def connect(self, caller: Caller, tenant: str, credentials: Credentials) -> Connection:
        """Test an API key and save it; a user's first connection becomes the default.

        Raises ConnectRefused if the key cannot be used, and EmporixError.
        """
        name = _checked_name(tenant)
        widest = await self._widest_token(name, credentials)
        token = widest
        if DELETE_SCOPE in widest.scopes:  # a token that can delete is never stored
            token = await self._emporix.request_token(credentials)
        connection = Connection(caller, name, credentials, widest.scopes, self._clock(), token)
        await self._verify_read_access(connection)
        account = await self._store.load(caller)
        await self._store.save(connection, default=not account.default_tenant)
        return connection

    async def disconnect(self, account: Account, tenant: str) -> str:
        """Delete a connection; returns the new default tenant, or "" if none is left."""
        require_connection(account, tenant)
        others = [name for name in account.connections if name != tenant]
        keeps_default = account.default_tenant in others
        default = account.default_tenant if keeps_default else next(iter(others), "")
        await self._store.delete(account.caller, tenant, default)
        return default

    async def use(self, account: Account, tenant: str) -> Connection:
        """Make a tenant the default; raises NotConnected."""
        chosen = require_connection(account, parse_tenant_name(tenant))
        await self._store.set_default(account.caller, chosen.tenant)
        return chosen

    async def _widest_token(self, tenant: str, credentials: Credentials) -> Token:
        """Request all scopes that the app uses; the token gets those that the API key has."""
        try:
            token = await self._emporix.request_token(credentials, DELETE_SCOPES)
        except Unauthorized as error:
            raise ConnectRefused("credentials", tenant) from error
        except Forbidden as error:
            raise ConnectRefused("no_read_scope", tenant) from error
        if token.tenant and token.tenant != tenant:
            raise ConnectRefused("other_tenant", tenant, token.tenant)
        if READ_SCOPE not in token.scopes:
            raise ConnectRefused("no_read_scope", tenant)
        return token

    async def _verify_read_access(self, connection: Connection) -> None:
        """Read one job to test the key, because Emporix may refuse it in spite of its scopes."""
        try:
            await self._emporix.list_jobs(connection, Filters(size=1))
        except (Unauthorized, Forbidden) as error:
            raise ConnectRefused("no_access", connection.tenant) from error


def _checked_name(tenant: str) -> str:
    try:
        return parse_tenant_name(tenant)
    except InvalidInput as error:
        raise ConnectRefused("tenant_name") from error


Scheduled = TypeVar("Scheduled", Digest, Alert)


def run_as(account: Account, record: Scheduled) -> Scheduled:
    """Make `account` the owner of a digest or alert, so that it runs on their connection.

    Raises NotConnected if they are not connected to its tenant.
    """
    require_connection(account, record.tenant)
    return replace(record, owner=account.caller)
