"""Cursors of paginated lists of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

MAX_REMEMBERED_IDS = 36
"""Maximum number of ids in a ReadMark: with the longest page, they fit in one Emporix query."""


@dataclass(frozen=True, slots=True)
class ReadMark(StoredRecord):
    """A position in an ordered list: after `offset` jobs, ending with those in `last_ids`.

    `is_complete` means that `last_ids` contains all of these jobs. `last_ids` are short hashes,
    because an id may have any length.
    """

    offset: int = 0
    last_ids: tuple[str, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class PagePosition(StoredRecord):
    """The start of page number `page`: after the `offset` jobs on the preceding pages.

    If the list is sorted by a time, `last_time` is the time of the last of these jobs, and `dated`
    is counted from the first job with that time; otherwise, `dated` is counted from the beginning.
    `undated` is the position among the jobs without a time, which come last.
    """

    page: int
    offset: int = 0
    last_time: str = ""
    dated: ReadMark = ReadMark()
    undated: ReadMark = ReadMark()


@dataclass(frozen=True, slots=True)
class ShownPage(StoredRecord):
    """The job ids on the last page that a list showed, and whether another page follows it."""

    page: int
    job_ids: tuple[str, ...]
    has_more: bool = False


MAX_PAGE_POSITIONS = 10  # limits a cursor to 6 to 10 kB, plus the words of its query


@dataclass(frozen=True, slots=True)
class ListCursor(StoredRecord):
    """A user's query and the start of each of its pages; buttons contain only its `id`.

    `until` is when the list was last read without an upper bound, in ISO 8601; later jobs don't
    belong to the list. It is empty if the query can't be bounded. `total` is the number of jobs
    when the first page was read, and `undated` the number of jobs without a time; both are None if
    unknown. `shown` is the page that was read last.
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
    shown: ShownPage | None = None


@dataclass(frozen=True, slots=True)
class JobStep:
    """The previous or next job; if the id is empty, it is the last or first job of another page."""

    job_id: str
    page: int = 1


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job and its neighbors, in the order of the list, message or group that shows them.

    If they are in a list, `cursor` and `page` identify the list and its page.
    """

    job_id: str
    cursor: str = ""
    page: int = 1
    previous: JobStep | None = None
    next: JobStep | None = None


def place_in(job_ids: Sequence[str], job_id: str) -> JobPlace:
    """Return a job's place in a group; without neighbors if it isn't among the ids."""
    return place_on(ShownPage(1, tuple(job_ids)), job_id, "")


def place_on(shown: ShownPage, job_id: str, cursor: str) -> JobPlace:
    """Return a job's place on a page of a list; without neighbors if the page doesn't show it."""
    ids, page = shown.job_ids, shown.page
    if job_id not in ids:
        return JobPlace(job_id, cursor, page)
    number = ids.index(job_id)
    before = JobStep("", page - 1) if page > 1 else None
    after = JobStep("", page + 1) if shown.has_more else None
    return JobPlace(
        job_id,
        cursor,
        page,
        JobStep(ids[number - 1], page) if number else before,
        JobStep(ids[number + 1], page) if number + 1 < len(ids) else after,
    )
