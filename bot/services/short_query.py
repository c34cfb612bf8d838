"""A list's query in a few letters, for a button that may outlive the list's record."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bot.errors import OutdatedButton
from bot.models import Filters

LONGEST = 1500
"""Letters of a button's 2,000; a longer query is not remembered."""

_DEFAULTS = asdict(Filters())


def shorten(filters: Filters, *, searched: bool) -> str:
    """What differs from a list of all jobs; "" if that is too long or a newer version's."""
    if filters.unknown:
        return ""
    facts = {name: value for name, value in asdict(filters).items() if value != _DEFAULTS[name]}
    short = json.dumps([int(searched), facts], separators=(",", ":"), ensure_ascii=False)
    return short if len(json.dumps(short)) <= LONGEST else ""


def lengthen(short: str) -> tuple[Filters, bool]:
    """The filters, and whether it is a search; raises OutdatedButton for what is none of ours."""
    try:
        searched, facts = json.loads(short)
        return Filters(**{name: _value(name, fact) for name, fact in facts.items()}), bool(searched)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutdatedButton from error


def _value(name: str, fact: Any) -> Any:
    """A tuple where the default is one: JSON has lists only."""
    if isinstance(fact, list) != isinstance(_DEFAULTS[name], tuple):
        raise TypeError(name)
    return tuple(map(str, fact)) if isinstance(fact, list) else fact
