"""Access tokens: issued for an API key, bound to its tenant, and expiring."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest

from sandbox.emporix.errors import expired_token, invalid_client, invalid_token
from sandbox.emporix.keys import Key
from sandbox.emporix.times import Clock


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token; `expires_at` is in seconds since 1970."""

    key: Key
    scopes: frozenset[str]
    expires_at: float
    value: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class TokenStore:
    """The valid API keys and the tokens issued for them."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock, self.seconds = clock, seconds
        self._keys: dict[str, Key] = {}
        self._issued: dict[str, IssuedToken] = {}
        self.asked: list[frozenset[str]] = []
        """The requested scopes of each token, newest last."""

    def accept(self, key: Key) -> None:
        self._keys[key.client_id] = key

    def issue(self, client_id: str, client_secret: str, scope: str = "") -> IssuedToken:
        """Issue a token with the requested scopes that the key has; all of them by default.

        Emporix: scopes that the key lacks are dropped silently, and the tenant is that of the key.
        """
        key = self._keys.get(client_id)
        if key is None or not compare_digest(key.client_secret.encode(), client_secret.encode()):
            raise invalid_client()
        wished = {word for word in scope.split() if not word.startswith("tenant=")}
        self.asked.append(frozenset(wished))
        scopes = frozenset(key.scopes) & (wished or set(key.scopes))
        issued = IssuedToken(key, scopes, self._clock() + self.seconds)
        self._issued[issued.value] = issued
        return issued

    def check(self, value: str) -> IssuedToken:
        """Return the token with this value. Unknown, revoked and expired tokens are refused."""
        issued = self._issued.get(value)
        if issued is None:
            raise invalid_token()
        if issued.expires_at <= self._clock():
            raise expired_token()
        return issued

    def expire(self) -> None:
        """Expire all tokens issued so far."""
        for value, old in self._issued.items():
            self._issued[value] = IssuedToken(old.key, old.scopes, 0, value)

    def revoke(self, key: Key) -> None:
        """Delete an API key and its tokens."""
        self._keys.pop(key.client_id, None)
        self._issued = {v: token for v, token in self._issued.items() if token.key != key}
