"""Encryption keys as operators hold them: one line of text each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

KEY_BYTES = 32
KEY_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A 256-bit key; `id` names it in what it has encrypted, and gives nothing of it away."""

    id: str
    secret: bytes = field(repr=False)


def new_key() -> str:
    """A fresh key: 32 random bytes as 44 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_keys(text: str) -> tuple[EncryptionKey, ...]:
    """The keys of ENCRYPTION_KEYS, in order; raises ValueError with what to do."""
    keys = tuple(_parse(part.strip()) for part in text.split(",") if part.strip())
    if not keys:
        raise ValueError("holds no key: make one with `emporix-bot keys new`")
    return keys


def _parse(text: str) -> EncryptionKey:
    try:
        secret = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ValueError("holds something that is not a key: make one with `emporix-bot keys new`")
    return EncryptionKey(hashlib.sha256(secret).hexdigest()[:KEY_ID_LENGTH], secret)
