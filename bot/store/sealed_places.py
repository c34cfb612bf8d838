"""Where sealed texts stand in Redis that have to outlive their key."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.store import layout
from bot.store.records import is_sealed

HASH, TEXT = "hash", "string"
"""Types of Redis's."""

PATTERNS = ((layout.ALL_ACCOUNTS, HASH), (layout.ALL_BY_CLOCK, HASH), (layout.ALL_BY_CLOCK, TEXT))
"""What SCAN has to look for, and of which type it has to be."""

_clock = re.escape(layout.CLOCK)
_account = re.compile(re.escape(layout.ALL_ACCOUNTS).replace(r"\*", ".*"))
_record = re.compile(rf"{_clock}:(digest|alert|clean):[^:]+")
_watches = re.compile(rf"{_clock}:watches:[^:]*:[^:]*:[^:]*")
_text = re.compile(rf"{_clock}:(alert:[^:]+:posts|clean:[^:]+:jobs)")


def may_hold_sealed(key: str) -> bool:
    """Whether anything at this key can be sealed."""
    return any(kind.fullmatch(key) for kind in (_account, _record, _watches, _text))


def is_account(key: str) -> bool:
    return bool(_account.fullmatch(key))


def sealed_texts(key: str, value: Mapping[str, str] | str | None) -> dict[str, str]:
    """The sealed texts at a key by their fields; that of a string has the field ""."""
    if not value:
        return {}
    if isinstance(value, str):
        return {"": value}
    if _account.fullmatch(key):
        return {name: text for name, text in value.items() if is_sealed(name)}
    if _record.fullmatch(key):
        return {name: text for name, text in value.items() if name == "record"}
    return dict(value)
