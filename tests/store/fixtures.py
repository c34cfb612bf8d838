"""People and connections for tests of the store."""

from __future__ import annotations

from bot.keys import new_key, parse_keys
from bot.models import DELETE_SCOPE, READ_SCOPE, Caller, Connection, Credentials, Token
from bot.store.vault import Vault
from tests.clock import NOW

ADA = Caller("T0ACME", "U0ADA")
GRACE = Caller("T0ACME", "U0GRACE")
VAULT = Vault(parse_keys(new_key()))
SCOPES = frozenset({READ_SCOPE, DELETE_SCOPE})


def connection(caller: Caller = ADA, tenant: str = "acme", token: str = "token-1") -> Connection:
    credentials = Credentials("the-client-id", "the-client-secret")
    held = Token(token, NOW + 3600, SCOPES, tenant)
    return Connection(caller, tenant, credentials, SCOPES, NOW, held)
