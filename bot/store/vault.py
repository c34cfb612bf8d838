"""Secrets at rest: AES-256-GCM, each bound to the place it belongs to."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.keys import KEY_ID_LENGTH, EncryptionKey

VERSION = "1"
PSEUDONYM_LENGTH = 16  # of 64 hexadecimal digits
NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: the length that GCM is made for


class Unopenable(Exception):
    """Of another place, of a key that is no longer configured, or damaged."""


def place(key: str, field: str = "") -> str:
    """What a sealed text is bound to: a key in Redis, or a field of the hash there."""
    return f"{key}/{field}" if field else key


class Vault:
    """Seals texts with the first key and opens them with any: `1.<key id>.<nonce and ciphertext>`.

    The place (a Redis key and field) is authenticated with the text, so that a sealed text
    copied to another user's record does not open there.
    """

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._first, self._secret = keys[0].id, keys[0].secret

    def seal(self, text: str, place: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, text.encode(), place.encode())
        return f"{VERSION}.{self._first}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def pseudonym(self, text: str) -> str:
        """A name for somebody who is not to be named, the same while the first key is the same.

        Without that key, nobody can undo it or compare it with a guess.
        """
        name = hmac.digest(self._secret, b"pseudonym:" + text.encode(), "sha256").hex()
        return f"gone-{self._first}-{name[:PSEUDONYM_LENGTH]}"

    def is_current(self, sealed: str) -> bool:
        """Whether it is sealed as `seal` would do it now."""
        return sealed.startswith(f"{VERSION}.{self._first}.")

    def key_id(self, sealed: str) -> str:
        """The id of the key that it says it was sealed with."""
        return sealed.partition(".")[2].partition(".")[0][:KEY_ID_LENGTH]

    def open(self, sealed: str, place: str) -> str:
        """The text that was sealed for `place`; raises Unopenable."""
        version, _, rest = sealed.partition(".")
        key_id, _, encoded = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != VERSION or cipher is None:
            raise Unopenable(f"sealed with key {key_id[:8]!r} in form {version[:8]!r}")
        try:
            data = base64.urlsafe_b64decode(encoded)
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Unopenable("damaged, or sealed for another place") from error
