"""Stable pages: paging through a list shows each job once, whatever changes in between."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.lists import MAX_REMEMBERED_IDS, ListCursor, ReadMark
from bot.services.pagination import (
    MAX_EXTRA_CALLS,
    ListPage,
    page_window,
    read_snapshot,
    start_snapshot,
)
from bot.store.ui_state import CURSOR_SERIALIZER, read_cursor
from tests.harness.clock import FakeClock
from tests.harness.job_list import FakeJobList
from tests.store.fixtures import ADA

T = TypeVar("T")

BY_TIME = (
    NEWEST_FIRST,
    "metadata.createdAt:ASC",
    "metadata.modifiedAt:DESC",
    "metadata.modifiedAt:ASC",
    "metadata.createdAt:DESC,agentId:ASC",
)
SORTS = (*BY_TIME, "agentId:ASC", "agentId:DESC", "status:ASC")

sorts = pytest.mark.parametrize("sort", SORTS)


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class Reader:
    """Turns the pages of a list; between two pages its cursor is a record in Redis."""

    def __init__(self, job_list: FakeJobList, filters: Filters) -> None:
        self.job_list, self.record = job_list, ""
        self.page = self.open(ListCursor("cursor-1", ADA, "acme", filters), filters.page)

    def open(self, cursor: ListCursor, number: int) -> ListPage:
        return self._kept(now(start_snapshot(self.job_list, cursor, number, self.job_list.clock())))

    def turn(self, number: int) -> list[str]:
        cursor = read_cursor("cursor-1", ADA, self.record, ADA)
        assert cursor
        self._kept(now(read_snapshot(self.job_list, cursor, number)))
        return self.shown

    @property
    def shown(self) -> list[str]:
        return [job.id for job in self.page.jobs]

    def rest(self) -> Iterator[list[str]]:
        """This page, and each one that follows."""
        yield self.shown
        while self.page.has_more:
            assert self.page.number < 500
            yield self.turn(self.page.number + 1)

    def _kept(self, page: ListPage) -> ListPage:
        self.page, self.record = page, CURSOR_SERIALIZER.write(page.cursor)
        assert len(self.record) < 8_000
        return page


def job_list_of(count: int, *, counts: bool = True) -> FakeJobList:
    """Jobs a second apart, the last one the newest; every third one is of agent b."""
    job_list = FakeJobList(FakeClock(), counts=counts)
    for number in range(count):
        job_list.put(count - number, "b" if number % 3 == 0 else "a")
    return job_list


def together(pages: Iterable[list[str]]) -> list[str]:
    return [job_id for page in pages for job_id in page]


events = st.lists(
    st.one_of(st.just("arrives"), st.integers(0, 200)),  # a number: that job is deleted
    max_size=5,
)


@settings(max_examples=200)
@given(
    ages=st.lists(st.one_of(st.none(), st.integers(1, 8)), max_size=60),
    sort=st.sampled_from(SORTS),
    size=st.integers(1, 12),
    start=st.integers(1, 4),
    counts=st.booleans(),
    turns=st.lists(st.tuples(st.integers(1, 8), events), max_size=5),
    between=st.lists(events, max_size=12),
)
def test_paging_shows_each_job_once(
    ages: list[int | None],
    sort: str,
    size: int,
    start: int,
    counts: bool,
    turns: list[tuple[int, list[str | int]]],
    between: list[list[str | int]],
) -> None:
    """All pages together show every job of the first page's snapshot that still exists, and no
    later one.
    """
    job_list = FakeJobList(FakeClock(), counts=counts)
    for number, age in enumerate(ages):
        job_list.put(age, "abc"[number % 3])
    at_first = job_list.present
    reader = Reader(job_list, Filters(sort=sort, size=size, page=start))
    for number, happening in turns:
        happen(job_list, happening)
        reader.turn(number)
    reader.turn(1)
    shown = []
    for page, happening in zip(reader.rest(), [*between, *[[]] * 500], strict=False):
        shown += page
        happen(job_list, happening)
    assert len(shown) == len(set(shown))
    assert set(shown) <= at_first
    assert set(shown) >= at_first & job_list.present


def happen(job_list: FakeJobList, happening: list[str | int]) -> None:
    for event in happening:
        if isinstance(event, str):
            job_list.clock.forward(1)
            job_list.put()
        elif present := sorted(job_list.present):
            job_list.remove(present[event % len(present)])


@sorts
def test_a_page_is_one_call(sort: str) -> None:
    """Each page of a list whose jobs all have times takes one call, forwards and backwards."""
    job_list = job_list_of(45)
    reader = Reader(job_list, Filters(sort=sort))
    for number in (2, 3, 4, 5, 4, 3, 2, 1, 2):
        calls = job_list.calls
        reader.turn(number)
        assert job_list.calls - calls == 1


@sorts
def test_reports_its_position(sort: str) -> None:
    """Positions and total have no gaps, and the last page ends at the total."""
    reader = Reader(job_list_of(45), Filters(sort=sort))
    places = [(reader.page.before, reader.page.total) for _ in reader.rest()]
    assert places == [(0, 45), (10, 45), (20, 45), (30, 45), (40, 45)]
    assert reader.page.before + len(reader.shown) == 45


@sorts
def test_every_page_has_the_same_total(sort: str) -> None:
    """Jobs without a time count on every page and are counted at most once per list."""
    job_list = job_list_of(40)
    for _ in range(3):
        job_list.put(None)
    reader = Reader(job_list, Filters(sort=sort, size=5))
    totals = [reader.page.total]
    for number in (2, 3, 2, 1):
        reader.turn(number)
        totals.append(reader.page.total)
    assert set(totals) == {43}
    assert job_list.calls <= len(totals) + 1


@sorts
def test_counts_remaining_jobs_after_deletes(sort: str) -> None:
    """Shown and remaining jobs add up to the total, regardless of who deleted jobs."""
    job_list = job_list_of(45)
    reader = Reader(job_list, Filters(sort=sort))
    ahead = [job for job in job_list.ids if job not in reader.shown]
    for job_id in (reader.shown[0], reader.shown[9], ahead[0], ahead[-1]):
        job_list.remove(job_id)
    reader.turn(2)
    assert (reader.page.before, reader.page.total) == (10, 43)
    *_, _ = reader.rest()
    assert (reader.page.before, len(reader.shown), reader.page.total) == (40, 3, 43)


@sorts
def test_a_page_is_refilled_after_a_delete(sort: str) -> None:
    """A page that is read again after a delete has as many jobs as before."""
    job_list = job_list_of(45)
    reader = Reader(job_list, Filters(sort=sort))
    second = reader.turn(2)
    job_list.remove(second[3])
    assert reader.turn(2) == [job for job in second if job != second[3]] + reader.shown[-1:]
    assert (len(reader.shown), reader.page.before, reader.page.total) == (10, 10, 44)
    assert not set(reader.turn(3)) & set(second)


@sorts
def test_going_back_shows_the_same_page(sort: str) -> None:
    """Paging back and forth shows the same pages while jobs arrive."""
    job_list = job_list_of(45)
    reader = Reader(job_list, Filters(sort=sort))
    pages = list(reader.rest())
    job_list.clock.forward(60)
    job_list.put()
    assert [reader.turn(number) for number in (5, 4, 3, 2, 1)] == pages[::-1]


@sorts
def test_reads_back_after_many_deletes(sort: str) -> None:
    """If forty of sixty shown jobs are deleted, no job is skipped."""
    job_list = job_list_of(90)
    reader = Reader(job_list, Filters(sort=sort))
    shown = [*reader.shown, *(job for number in range(2, 7) for job in reader.turn(number))]
    for job_id in shown[10:50]:
        job_list.remove(job_id)
    calls = job_list.calls
    rest = together([reader.turn(7), *list(reader.rest())[1:]])
    assert sorted(shown + rest) == job_list.ids
    assert job_list.calls - calls <= 3 + MAX_EXTRA_CALLS


@pytest.mark.parametrize("sort", BY_TIME)
@pytest.mark.parametrize("size", [1, 3, 12])
def test_many_jobs_of_one_time(sort: str, size: int) -> None:
    """A hundred jobs of one millisecond, across many pages, are shown once each."""
    job_list = FakeJobList(FakeClock())
    for age in (5, *[3] * 100, 1):
        job_list.put(age)
    reader = Reader(job_list, Filters(sort=sort, size=size))
    assert sorted(together(reader.rest())) == job_list.ids


@sorts
@pytest.mark.parametrize("counts", [True, False])
def test_jobs_without_a_time_come_last(sort: str, counts: bool) -> None:
    """Jobs without a time that the first page does not show follow all others, and none is lost."""
    job_list = job_list_of(25, counts=counts)
    undated = {job_list.put(None) for _ in range(12)}
    reader = Reader(job_list, Filters(sort=sort))
    first, *later = reader.rest()
    assert sorted([*first, *together(later)]) == job_list.ids
    are_last = [job_id in undated for job_id in together(later)]
    assert are_last == sorted(are_last)
    assert reader.page.total == (37 if counts else None)


@sorts
@pytest.mark.parametrize("counts", [True, False])
def test_a_list_with_bounds_of_its_own(sort: str, counts: bool) -> None:
    """Time filters of the user apply to every page, and take no additional call."""
    job_list = job_list_of(40, counts=counts)
    job_list.put(None)
    at = job_list.clock()
    reader = Reader(job_list, Filters(since=at - 30, until=at - 5, sort=sort, size=10))
    pages = [*reader.rest()]
    assert sorted(together(pages)) == job_list.ids[10:35]
    if sort == NEWEST_FIRST:
        assert job_list.calls == len(pages) == 3


def test_a_page_beyond_the_end_proves_nothing() -> None:
    """After a page beyond the end, jobs without a time are still found from the first page on."""
    job_list = FakeJobList(FakeClock())
    undated = [job_list.put(None), job_list.put(None)]
    reader = Reader(job_list, Filters(size=1))
    reader.turn(3)
    reader.turn(1)
    assert sorted(together(reader.rest())) == undated


def test_a_list_that_starts_at_a_later_page_has_all_jobs() -> None:
    """Jobs without a time on the page before the requested one are found."""
    job_list = job_list_of(25)
    for _ in range(10):
        job_list.put(None)
    reader = Reader(job_list, Filters(sort="metadata.createdAt:ASC", page=2))
    reader.turn(3)
    reader.turn(1)
    assert sorted(together(reader.rest())) == job_list.ids


def test_equal_jobs_have_an_order() -> None:
    """Emporix does not order equal jobs, so the creation time always decides."""
    job_list = job_list_of(1)
    for sort in SORTS:
        Reader(job_list, Filters(sort=sort))
        assert "metadata.createdAt:" in job_list.sort


def test_a_list_can_start_at_any_page() -> None:
    """`page:3` starts there, and the pages before and after it join."""
    job_list = job_list_of(45)
    reader = Reader(job_list, Filters(page=3))
    assert (reader.page.before, reader.page.total) == (20, 45)
    third = reader.shown
    pages = [reader.turn(2), third, reader.turn(3)]
    assert pages == [job_list.ids[::-1][10:20], third, third]
    assert reader.turn(4) == job_list.ids[::-1][30:40]


def test_works_with_a_slow_local_clock() -> None:
    """Jobs that seem to be in the future belong to the list that shows them."""
    job_list = job_list_of(25)
    newest = job_list.put(-5)
    reader = Reader(job_list, Filters())
    assert reader.shown[0] == newest
    assert reader.turn(1)[0] == newest


def test_an_unreadable_time_does_not_block_paging() -> None:
    """A job with an unreadable time is shown, and so are the pages after it."""
    job_list = job_list_of(25)
    job = {"id": "odd", "metadata": {"createdAt": 'yesterday" or so'}}
    job_list.jobs.put(job)
    reader = Reader(job_list, Filters())
    assert reader.shown[0] == "odd"
    assert sorted(together(reader.rest())) == sorted([*job_list.ids, "odd"])


def test_jobs_without_an_id_are_shown() -> None:
    """Jobs without an id are distinguished by their other fields."""
    job_list = job_list_of(4)
    for job_id in job_list.ids:
        job = job_list.jobs.get(job_id)
        assert job
        job.pop("id")
    reader = Reader(job_list, Filters(size=2))
    times = [job.created_at for _ in reader.rest() for job in reader.page.jobs]
    assert len(times) == len(set(times)) == 4


def test_a_raw_query_is_sent_unchanged() -> None:
    """Nothing is added to a `q:` query, and the next page repeats no job."""
    job_list = job_list_of(30)
    reader = Reader(job_list, Filters(raw_q="agentId:(a,b)"))
    first = reader.turn(1)
    job_list.clock.forward(60)
    late = job_list.put()
    assert reader.page.cursor.until == ""
    assert not set(reader.turn(2)) & {late, *first}
    assert len(reader.shown) == 10


@given(
    passed=st.integers(0, 1_200_000),
    size=st.integers(1, 12),
    remembered=st.integers(0, MAX_REMEMBERED_IDS),
    knows_all=st.booleans(),
)
def test_a_window_holds_the_next_page(
    passed: int, size: int, remembered: int, knows_all: bool
) -> None:
    """One page of Emporix's contains the next page and the overlap, within the maximum size."""
    passed = min(passed, MAX_REMEMBERED_IDS) if knows_all else passed
    seen = ("12345678",) * min(passed, remembered)
    number, wide = page_window(ReadMark(passed, seen, knows_all), size)
    assert (number - 1) * wide <= passed
    assert passed + size <= number * wide
    assert wide <= 50
