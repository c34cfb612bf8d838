"""Lists of jobs whose pages can be turned."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

MAX_REMEMBERED_IDS = 36
"""Ids that a mark remembers: with the longest page behind them they fit into one of Emporix's."""


@dataclass(frozen=True, slots=True)
class ReadMark(StoredRecord):
    """A place in an ordered list: `offset` jobs lie behind it, `last_ids` are the last of them.

    `is_complete`: there were no others. `last_ids` holds short hashes, as an id may have any
    length.
    """

    offset: int = 0
    last_ids: tuple[str, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class PagePosition(StoredRecord):
    """Where page number `page` begins: behind `offset` jobs that the pages ahead of it show.

    Where the list is in the order of a time, `last_time` is that of the last of these jobs, and
    `dated` counts from the first job of that time; elsewhere `dated` counts from the beginning.
    `undated` is the place among the jobs without a time, which come last.
    """

    page: int
    offset: int = 0
    last_time: str = ""
    dated: ReadMark = ReadMark()
    undated: ReadMark = ReadMark()


MAX_PAGE_POSITIONS = 10  # with these a cursor has 6 to 10 kB beside the words of its query


@dataclass(frozen=True, slots=True)
class ListCursor(StoredRecord):
    """Who asked for what, and where its pages begin: `id` is all that a button needs of it.

    `until`: when the list was read last with nothing bounding it, in ISO 8601; later jobs do not
    belong to it. Empty where the query cannot be bounded. `total`: how many jobs it had when its
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
    total: int | None = None
    undated: int | None = None
    positions: tuple[PagePosition, ...] = ()
