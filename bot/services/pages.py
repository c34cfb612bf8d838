"""Pages of jobs that do not shift while jobs arrive, and that lose none while jobs are deleted.

The first look at a list is at all there is at that time. From then on the list is bounded by that
time, and where its order is that of a time, the next page begins at the last time shown. No bound
finds jobs without a time, so these come last, by a call of their own once all others are shown; a
list that is known to have none takes one call a page. More is in docs/decisions, page 9.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from bot.emporix.models import Job, JobPage
from bot.emporix.part import CREATED, WHOLE, Part
from bot.models import Connection, Filters
from bot.services.order import Order
from bot.services.stretches import Fetch, Stretch, known_as, stretch
from bot.store.cursors import Cursor
from bot.store.places import Mark, Place

Call = Callable[[Filters, Part], Awaitable[JobPage]]
"""Asks Emporix for a page of what fits the filters and lies in the part."""


class ListsJobs(Protocol):
    """The calls of Emporix that give pages of jobs, with or without names of agents."""

    async def list_jobs(self, connection: Connection, filters: Filters, part: Part) -> JobPage: ...
    async def search_jobs(
        self, connection: Connection, filters: Filters, part: Part
    ) -> JobPage: ...


@dataclass(frozen=True, slots=True)
class JobSource:
    """Where the pages of one list come from: a connection, and whether it is a search."""

    emporix: ListsJobs
    connection: Connection
    searched: bool

    async def page(self, filters: Filters, part: Part) -> JobPage:
        """The page that fits the filters and lies in the part."""
        call = self.emporix.search_jobs if self.searched else self.emporix.list_jobs
        return await call(self.connection, filters, part)


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs behind `before` others; `cursor` knows where this page begins, and the next one."""

    number: int
    jobs: tuple[Job, ...]
    before: int
    total: int | None
    has_more: bool
    cursor: Cursor


async def first_look(call: Call, cursor: Cursor, number: int, now: float) -> Page:
    """A page of the list as it is `now`, in seconds since 1970."""
    filters, order = cursor.filters, Order(cursor.filters.sort)
    passed = Mark((number - 1) * filters.size, knows_all=False)
    found = await stretch(_fetch(call, filters, WHOLE), passed, filters.size)
    dated, undated = (found, _none_of(Mark())) if filters.raw_q else _parted(found, order, number)
    cursor = replace(
        cursor,
        until="" if filters.raw_q else order.latest(found.jobs, now),
        counted=found.total if number == 1 else None,
        undated=_known_undated(filters, order, undated, is_all=number == 1 and not found.has_more),
        places=(),
    )
    return _page(cursor, cursor.place(number), found.jobs, dated, undated)


async def look_again(call: Call, cursor: Cursor, number: int) -> Page:
    """A page of the list as it was at the first look, without what was deleted since."""
    filters, order, place = cursor.filters, Order(cursor.filters.sort), cursor.place(number)
    part = order.part(place.reached, cursor.until) if cursor.until else WHOLE
    dated = await stretch(_fetch(call, filters, part), place.dated, filters.size)
    cursor = await _counting_undated(call, _knowing_undated(cursor, place, dated), dated)
    undated = _none_of(place.undated, (cursor.undated or 0) - place.undated.passed)
    if cursor.until and not dated.has_more and (cursor.undated is None or undated.has_more):
        fetch = _fetch(call, filters, Part(order.field, missing=True))
        undated = await stretch(fetch, place.undated, filters.size - len(dated.jobs))
        cursor = replace(cursor, undated=_all_of(undated, place.undated.passed))
    return _page(cursor, place, dated.jobs + undated.jobs, dated, undated)


def _page(
    cursor: Cursor, place: Place, jobs: tuple[Job, ...], dated: Stretch, undated: Stretch
) -> Page:
    reached, mark = _reached(cursor, place, dated)
    before = place.before + len(jobs)
    following = Place(place.page + 1, before, reached, mark, undated.mark)
    counted = dated.left is not None and undated.left is not None
    return Page(
        number=place.page,
        jobs=jobs,
        before=place.before,
        total=before + (dated.left or 0) + (undated.left or 0) if counted else None,
        has_more=dated.has_more or undated.has_more,
        cursor=cursor.remembering(place, following),
    )


def _reached(cursor: Cursor, place: Place, dated: Stretch) -> tuple[str, Mark]:
    """Where the next page begins: at the last time shown, behind the jobs that share it."""
    order = Order(cursor.filters.sort)
    reached = order.reached(dated.jobs) if cursor.until else ""
    if reached in ("", place.reached):
        return place.reached, dated.mark
    tied = [known_as(job) for job in dated.jobs if order.time(job) == reached]
    return reached, Mark().beyond(tied, len(tied))


def _parted(found: Stretch, order: Order, number: int) -> tuple[Stretch, Stretch]:
    """The jobs of a first look with a time, and those without; the rest counts as dated."""
    dated = tuple(job for job in found.jobs if order.time(job))
    undated = tuple(job for job in found.jobs if not order.time(job))
    is_first = number == 1
    ahead = found.mark.passed - len(found.jobs)
    behind = Mark(ahead, knows_all=is_first).beyond(map(known_as, dated), ahead + len(dated))
    beside = Mark(knows_all=is_first).beyond(map(known_as, undated), len(undated))
    return replace(found, jobs=dated, mark=behind), replace(_none_of(beside), jobs=undated)


def _none_of(mark: Mark, left: int = 0) -> Stretch:
    """No jobs, although there may be some `left`."""
    return Stretch((), mark, max(0, left), None, left > 0)


def _all_of(undated: Stretch, before: int) -> int | None:
    """How many there are, those shown before included; None where there may be more."""
    shown = before + len(undated.jobs)
    if undated.left is None:
        return None if undated.has_more else shown
    return shown + undated.left


def _known_undated(filters: Filters, order: Order, shown: Stretch, *, is_all: bool) -> int | None:
    """How many jobs without a time there are: none where the filters bound that time themselves."""
    if order.field == CREATED and (filters.since is not None or filters.until is not None):
        return 0
    return len(shown.jobs) if is_all else None


def _knowing_undated(cursor: Cursor, place: Place, dated: Stretch) -> Cursor:
    """With the number of jobs without a time, if it can be told: what no bound finds is either
    one of these or deleted, and where nothing is missing there is neither.
    """
    if cursor.undated is not None or cursor.counted is None or dated.left is None:
        return cursor
    if not dated.jobs:  # a page that nobody has shown before may begin anywhere
        return cursor
    missing = cursor.counted - place.before - len(dated.jobs) - dated.left
    return cursor if missing > 0 else replace(cursor, undated=place.undated.passed)


async def _counting_undated(call: Call, cursor: Cursor, dated: Stretch) -> Cursor:
    """With that number asked for, once a list: without it the total would change from page to page.

    On the last page the jobs themselves are asked for, and without totals there is no need.
    """
    is_needed = bool(cursor.until) and cursor.undated is None and dated.left is not None
    if not is_needed or not dated.has_more:
        return cursor
    missing = Part(Order(cursor.filters.sort).field, missing=True)
    counted = await _fetch(call, cursor.filters, missing)(1, 1)
    return replace(cursor, undated=counted.total)


def _fetch(call: Call, filters: Filters, part: Part) -> Fetch:
    """Always with times, also where only other `fields` are to be shown."""
    fields = (*filters.fields, "metadata") if filters.fields else ()
    asked = replace(filters, sort=Order(filters.sort).complete, fields=fields)
    return lambda number, size: call(replace(asked, page=number, size=size), part)
