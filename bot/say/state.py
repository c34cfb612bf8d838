"""What a button remembers between the message that shows it and the click.

A value is compact JSON, `[version, kind, facts]`. Slack keeps old messages for ever, so a value may
be older than the code that reads it.
"""

from __future__ import annotations

import json
from typing import Any

from bot.errors import OutdatedButton
from bot.say.limits import BUTTON_VALUE

_VERSION = "1"
_to_json = json.JSONEncoder(separators=(",", ":")).encode


def pack(kind: str, /, **facts: str | int) -> str:
    """`facts` as the value of a button; raises ValueError where Slack would not take it.

    `kind` says which click they are for. Nothing secret and nothing long goes in: a key does.
    """
    value = _to_json([_VERSION, kind, facts])
    if len(value) > BUTTON_VALUE:
        raise ValueError(f"a {kind} button would remember {len(value)} characters")
    return value


def unpack(value: str, kind: str, /) -> dict[str, str | int]:
    """The facts that `pack` was given; raises OutdatedButton for anything else than its value."""
    facts = _facts(_parsed(value), kind)
    if facts is None:
        raise OutdatedButton
    return facts


def cursor_in(value: str) -> str:
    """The cursor that a value of any kind names, "" where there is none; raises nothing."""
    match _parsed(value):
        case [_, _, {"cursor": str(cursor)}]:
            return cursor
    return ""


def _parsed(value: str) -> Any:
    # Deep nesting ends in RecursionError, not in ValueError.
    try:
        return json.loads(value) if len(value) <= BUTTON_VALUE else None
    except (ValueError, RecursionError):
        return None


def _facts(parsed: Any, kind: str) -> dict[str, str | int] | None:
    match parsed:
        case [str(version), str(own), dict(facts)] if (version, own) == (_VERSION, kind):
            known = all(isinstance(fact, str | int) for fact in facts.values())
            return facts if known else None
    return None
