"""How connections and tokens are written: sealed JSON in the fields of a user's hash."""

from __future__ import annotations

from collections.abc import Mapping

from bot.models import Caller, Connection, Token
from bot.store import layout
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

DEFAULT, CONNECTION, TOKEN = "default", "connection:", "token:"
"""Fields of the hash: the default tenant; and with a tenant's name, its connection and token."""

_CONNECTION = Serializer(Connection, "caller", "tenant", "token")
_TOKEN = Serializer(Token)


class Records:
    """Writes and reads sealed fields; each opens only in its own field of its own user's hash."""

    def __init__(self, vault: Vault) -> None:
        self._connections = Sealing(vault, "connection", _CONNECTION)
        self._tokens = Sealing(vault, "token", _TOKEN)

    def connection(
        self, caller: Caller, tenant: str, fields: Mapping[str, str]
    ) -> Connection | None:
        """The connection to a tenant in a user's hash; None where it cannot be opened."""
        name = CONNECTION + tenant
        token = self.token(caller, tenant, fields.get(TOKEN + tenant))
        return self._connections.open(
            fields[name], layout.account(caller), name, caller=caller, tenant=tenant, token=token
        )

    def token(self, caller: Caller, tenant: str, sealed: str | None) -> Token | None:
        return self._tokens.open(sealed, layout.account(caller), TOKEN + tenant)

    def seal_connection(self, connection: Connection) -> str:
        name = CONNECTION + connection.tenant
        return self._connections.seal(connection, layout.account(connection.caller), name)

    def seal_token(self, connection: Connection, token: Token) -> str:
        name = TOKEN + connection.tenant
        return self._tokens.seal(token, layout.account(connection.caller), name)


def is_sealed(name: str) -> bool:
    """Whether the field of this name holds a sealed text."""
    return name.startswith((CONNECTION, TOKEN))
