"""Lists of jobs whose pages can be turned."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

MOST_SEEN = 36
"""Ids that a mark remembers: with the longest page behind them they fit into one of Emporix's."""


_DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class ReadMark(StoredRecord):
    """A place in an ordered list: `passed` jobs lie behind it, `seen` are the last of them.

    `knows_all`: there were no others. `seen` holds digests: an id may have any length, and a cursor
    may not.
    """

    passed: int = 0
    seen: tuple[str, ...] = ()
    knows_all: bool = True

    def beyond(self, seen: Iterable[str], passed: int) -> ReadMark:
        """The place behind these jobs, too."""
        together = (*self.seen, *seen)
        return ReadMark(
            passed, together[-MOST_SEEN:], self.knows_all and len(together) <= MOST_SEEN
        )


@dataclass(frozen=True, slots=True)
class PagePosition(StoredRecord):
    """Where page number `page` begins: behind `before` jobs that the pages ahead of it show.

    Where the list is in the order of a time, `reached` is that of the last of these jobs, and
    `dated` counts from the first job of that time; elsewhere `dated` counts from the beginning.
    `undated` is the place among the jobs without a time, which come last.
    """

    page: int
    before: int = 0
    reached: str = ""
    dated: ReadMark = ReadMark()
    undated: ReadMark = ReadMark()


def short_hash(text: str) -> str:
    """Eight letters for an id; there are 2^48 different ones, and a page compares a few."""
    hashed = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(hashed).decode()


KEPT_PLACES = 10  # with these a cursor has 6 to 10 kB beside the words of its query


@dataclass(frozen=True, slots=True)
class ListCursor(StoredRecord):
    """Who asked for what, and where its pages begin: `id` is all that a button needs of it.

    `until`: when the list was read last with nothing bounding it, in ISO 8601; later jobs do not
    belong to it. Empty where the query cannot be bounded. `counted`: how many jobs it had when its
    first page was read then, and `undated` how many have no time; None where that is not known.
    """

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    searched: bool = False
    """True for `jobs search`, whose pages are fetched by the search call."""
    shared: bool = False
    """True for a list that stands in a channel: others may ask the same with their own rights."""

    until: str = ""
    counted: int | None = None
    undated: int | None = None
    places: tuple[PagePosition, ...] = ()

    def place(self, page: int) -> PagePosition:
        """Where a page begins: as remembered, or by its number where that is too long ago."""
        before = (page - 1) * self.filters.size
        is_start = bool(self.until) and before == 0
        estimate = PagePosition(page, before, dated=ReadMark(before, knows_all=is_start))
        return next((place for place in self.places if place.page == page), estimate)

    def remembering(self, *known: PagePosition) -> ListCursor:
        """With these places, and of the others those that are nearest."""
        pages = [place.page for place in known]
        others = [place for place in self.places if place.page not in pages]
        others.sort(key=lambda place: abs(place.page - pages[0]))
        return replace(self, places=(*known, *others)[:KEPT_PLACES])
