"""Cursors of paginated lists of jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

MAX_REMEMBERED_IDS = 36
"""Number of ids in a ReadMark: with the longest page added, they fit into one Emporix query."""


@dataclass(frozen=True, slots=True)
class ReadMark(StoredRecord):
    """A position in an ordered list: after `offset` jobs, the last of which are `last_ids`.

    `is_complete` means that `last_ids` has all of them. `last_ids` are short hashes, because an id
    may have any length.
    """

    offset: int = 0
    last_ids: tuple[str, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class PagePosition(StoredRecord):
    """Where page number `page` begins: after the `offset` jobs on the preceding pages.

    If the list is sorted by a time, `last_time` is the time of the last of these jobs, and `dated`
    counts from the first job with that time; otherwise `dated` counts from the beginning. `undated`
    is the position among the jobs without a time, which come last.
    """

    page: int
    offset: int = 0
    last_time: str = ""
    dated: ReadMark = ReadMark()
    undated: ReadMark = ReadMark()


MAX_PAGE_POSITIONS = 10  # a cursor then takes 6 to 10 kB, plus the words of its query


@dataclass(frozen=True, slots=True)
class ListCursor(StoredRecord):
    """A user's query and where its pages begin; buttons carry only its `id`.

    `until` is when the list was last read without an upper bound, in ISO 8601; later jobs don't
    belong to it. It is empty if the query can't be bounded. `total` is the number of jobs when the
    first page was read, and `undated` the number of jobs without a time; None if unknown.
    """

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    searched: bool = False
    """True for `jobs search`, whose pages are fetched by the search call."""
    shared: bool = False
    """True for a list shared in a channel, which others may query with their own API keys."""

    until: str = ""
    total: int | None = None
    undated: int | None = None
    positions: tuple[PagePosition, ...] = ()
