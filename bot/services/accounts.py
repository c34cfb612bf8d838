"""A user's connections to Emporix tenants: connect, disconnect, choose the default."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from bot.domain.accounts import (
    ACTION_SCOPES,
    DELETE_SCOPE,
    DELETE_SCOPES,
    READ_SCOPE,
    RUN_SCOPE,
    RUN_SCOPES,
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
from bot.errors import (
    ActionNotAllowed,
    ConnectRefused,
    Forbidden,
    InvalidInput,
    NotConnected,
    Unauthorized,
)
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

    async def connect(
        self, caller: Caller, tenant: str, credentials: Credentials, *, allow_actions: bool = False
    ) -> Connection:
        """Test an API key and save it; a user's first connection becomes the default.

        `allow_actions`: also request the scopes for agent actions, and allow them. Raises
        ConnectRefused if the key cannot be used, and EmporixError.
        """
        name = _checked_name(tenant)
        widest = await self._widest_token(name, credentials, allow_actions=allow_actions)
        token = widest
        if widest.scopes & {DELETE_SCOPE, RUN_SCOPE}:  # a token that can act is never stored
            token = await self._emporix.request_token(credentials)
        connection = Connection(
            caller,
            name,
            credentials,
            widest.scopes,
            self._clock(),
            token,
            allows_actions=allow_actions,
        )
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

    async def _widest_token(
        self, tenant: str, credentials: Credentials, *, allow_actions: bool
    ) -> Token:
        """Request all scopes that the app may use; the token gets those that the API key has.

        Emporix leaves out the others. A token endpoint that refuses them instead gets requests for
        fewer scopes.
        """
        *wider, last = (
            (ACTION_SCOPES, RUN_SCOPES, DELETE_SCOPES) if allow_actions else (DELETE_SCOPES,)
        )
        try:
            for scopes in wider:
                with suppress(Forbidden):
                    token = await self._emporix.request_token(credentials, scopes)
                    break
            else:
                token = await self._emporix.request_token(credentials, last)
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


def require_action_scope(account: Account, tenant: str, scope: str) -> Connection:
    """The connection to a tenant; raises NotConnected, or ActionNotAllowed without `scope`."""
    connection = require_connection(account, tenant)
    if not connection.may(scope):
        raise ActionNotAllowed(connection.tenant, scope)
    return connection


Scheduled = TypeVar("Scheduled", Digest, Alert)


def run_as(account: Account, record: Scheduled) -> Scheduled:
    """Make `account` the owner of a digest or alert, so that it runs on their connection.

    Raises NotConnected if they are not connected to its tenant.
    """
    require_connection(account, record.tenant)
    return replace(record, owner=account.caller)
