"""Access tokens: issued for a key, bound to its tenant, and expiring."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest

from sandbox.emporix.errors import expired_token, invalid_client, invalid_token
from sandbox.emporix.keys import Key
from sandbox.emporix.times import Clock


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was given out; `expires_at` in seconds since 1970."""

    key: Key
    scopes: frozenset[str]
    expires_at: float
    value: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class TokenStore:
    """The keys that work, and the tokens given out for them."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock, self.seconds = clock, seconds
        self._keys: dict[str, Key] = {}
        self._issued: dict[str, IssuedToken] = {}
        self.asked: list[frozenset[str]] = []
        """The scopes that each token was asked for with, the newest last."""

    def accept(self, key: Key) -> None:
        self._keys[key.client_id] = key

    def issue(self, client_id: str, client_secret: str, scope: str = "") -> IssuedToken:
        """A token with those of the wished scopes that the key has; with all where none is wished.

        Emporix: scopes that the key lacks are left out without a word, and the tenant is the key's.
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
        """The token of this value; refuses one that is unknown, revoked or expired."""
        issued = self._issued.get(value)
        if issued is None:
            raise invalid_token()
        if issued.expires_at <= self._clock():
            raise expired_token()
        return issued

    def expire(self) -> None:
        """End the life of every token given out so far."""
        for value, old in self._issued.items():
            self._issued[value] = IssuedToken(old.key, old.scopes, 0, value)

    def revoke(self, key: Key) -> None:
        """Forget the key and its tokens, as deleting an API key does."""
        self._keys.pop(key.client_id, None)
        self._issued = {v: token for v, token in self._issued.items() if token.key != key}
