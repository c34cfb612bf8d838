"""People and connections for tests of the store."""

from __future__ import annotations

from bot.domain.accounts import DELETE_SCOPE, READ_SCOPE, Caller, Connection, Credentials, Token
from bot.store.encryption import Cipher, new_key, parse_keys
from tests.harness.clock import NOW

ADA = Caller("T0ACME", "U0ADA")
GRACE = Caller("T0ACME", "U0GRACE")
CIPHER = Cipher(parse_keys(new_key()))
SCOPES = frozenset({READ_SCOPE, DELETE_SCOPE})


def connection(caller: Caller = ADA, tenant: str = "acme", token: str = "token-1") -> Connection:
    credentials = Credentials("the-client-id", "the-client-secret")
    held = Token(token, NOW + 3600, SCOPES, tenant)
    return Connection(caller, tenant, credentials, SCOPES, NOW, held)
