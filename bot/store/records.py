"""How connections and tokens are written: sealed JSON in the fields of a user's hash."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from bot.models import Caller, Connection, Credentials, Token
from bot.store import layout
from bot.store.vault import Unopenable, Vault, place

logger = logging.getLogger(__name__)

DEFAULT, CONNECTION, TOKEN = "default", "connection:", "token:"
"""Fields of the hash: the default tenant; and with a tenant's name, its connection and token."""


class Records:
    """Writes and reads sealed fields; each opens only in its own field of its own user's hash."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def connection(
        self, caller: Caller, tenant: str, fields: Mapping[str, str]
    ) -> Connection | None:
        """The connection to a tenant in a user's hash; None where it cannot be opened."""
        facts = self._open(caller, CONNECTION + tenant, fields[CONNECTION + tenant])
        if facts is None:
            return None
        return Connection(
            caller=caller,
            tenant=tenant,
            credentials=Credentials(facts["client_id"], facts["client_secret"]),
            scopes=frozenset(facts["scopes"]),
            connected_at=facts["connected_at"],
            token=self.token(caller, tenant, fields.get(TOKEN + tenant)),
        )

    def token(self, caller: Caller, tenant: str, sealed: str | None) -> Token | None:
        facts = self._open(caller, TOKEN + tenant, sealed) if sealed else None
        if facts is None:
            return None
        scopes = frozenset(facts["scopes"])
        return Token(facts["value"], facts["expires_at"], scopes, facts["tenant"])

    def seal_connection(self, connection: Connection) -> str:
        facts = {
            "client_id": connection.credentials.client_id,
            "client_secret": connection.credentials.client_secret,
            "scopes": sorted(connection.scopes),
            "connected_at": connection.connected_at,
        }
        return self._seal(connection, CONNECTION, facts)

    def seal_token(self, connection: Connection, token: Token) -> str:
        facts = {
            "value": token.value,
            "expires_at": token.expires_at,
            "scopes": sorted(token.scopes),
            "tenant": token.tenant,
        }
        return self._seal(connection, TOKEN, facts)

    def _seal(self, connection: Connection, kind: str, facts: Mapping[str, Any]) -> str:
        account = layout.account(connection.caller)
        return self._vault.seal(json.dumps(facts), place(account, kind + connection.tenant))

    def _open(self, caller: Caller, name: str, sealed: str) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(
                self._vault.open(sealed, place(layout.account(caller), name))
            )
        except Unopenable as error:
            # The user is asked to connect again; the record stays, for the key may come back.
            logger.warning("a stored %s cannot be opened: %s", name.partition(":")[0], error)
            return None
        return facts


def is_sealed(name: str) -> bool:
    """Whether the field of this name holds a sealed text."""
    return name.startswith((CONNECTION, TOKEN))
