"""Where the pages of a list begin: what a cursor remembers so that pages do not shift."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from bot.models import Stored

MOST_SEEN = 36
"""Ids that a mark remembers: with the longest page behind them they fit into one of Emporix's."""

_DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class Mark(Stored):
    """A place in an ordered list: `passed` jobs lie behind it, `seen` are the last of them.

    `knows_all`: there were no others. `seen` holds digests: an id may have any length, and a cursor
    may not.
    """

    passed: int = 0
    seen: tuple[str, ...] = ()
    knows_all: bool = True

    def beyond(self, seen: Iterable[str], passed: int) -> Mark:
        """The place behind these jobs, too."""
        together = (*self.seen, *seen)
        return Mark(passed, together[-MOST_SEEN:], self.knows_all and len(together) <= MOST_SEEN)


@dataclass(frozen=True, slots=True)
class Place(Stored):
    """Where page number `page` begins: behind `before` jobs that the pages ahead of it show.

    Where the list is in the order of a time, `reached` is that of the last of these jobs, and
    `dated` counts from the first job of that time; elsewhere `dated` counts from the beginning.
    `undated` is the place among the jobs without a time, which come last.
    """

    page: int
    before: int = 0
    reached: str = ""
    dated: Mark = Mark()
    undated: Mark = Mark()


def digest(text: str) -> str:
    """Eight letters for an id; there are 2^48 different ones, and a page compares a few."""
    hashed = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(hashed).decode()
