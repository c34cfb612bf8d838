"""Daily counts: read once, shared, and left out if they are not known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.domain.accounts import Connection
from bot.domain.digests import DayTotals
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import ALL_TIMES, TimeRange
from bot.errors import EmporixFailed, EmporixTimeout, RateLimited
from bot.services.digests.history import (
    HISTORY_DAYS,
    MAX_HISTORY_CALLS,
    MAX_UNKNOWN_DAYS,
    SETTLED_SECONDS,
    DailyHistory,
    DayCount,
    History,
)
from tests.harness.clock import FakeClock
from tests.store.fixtures import GRACE, connection

ZONE = "Europe/Berlin"
MIDNIGHT = 1_795_474_800.0  # 2026-11-24 in Berlin
NINE = MIDNIGHT + 9 * 3600
DAY = 86400.0


@dataclass
class FakeEmporix:
    """Each day has as many jobs as its status has letters; `trouble` has errors by day.

    After `stops_after` calls it does not answer until `resume` is set.
    """

    asked: list[Filters] = field(default_factory=list)
    trouble: dict[float, Exception | None] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    stops_after: int | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    resume: asyncio.Event = field(default_factory=asyncio.Event)

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange = ALL_TIMES
    ) -> JobPage:
        if self.stops_after is not None and len(self.asked) >= self.stops_after:
            self.stopped.set()
            await self.resume.wait()
        self.asked.append(filters)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        assert filters.since is not None
        if filters.since in self.trouble:
            error = self.trouble[filters.since]
            if error:
                raise error
            return JobPage((Job(id="1"),), 1, 1, None, True)
        return JobPage((), 1, 1, sum(map(len, filters.statuses)), True)


@dataclass
class Patience:
    """Replaces sleep: ends when the test says so, without real time."""

    asked: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


@dataclass
class FakeCounts:
    kept: dict[str, Mapping[str, DayTotals]] = field(default_factory=dict)

    async def load(self, source: str, series: str) -> Mapping[str, DayTotals]:
        return self.kept.get(series, {})

    async def save(self, source: str, series: str, days: Mapping[str, DayTotals]) -> None:
        self.kept[series] = dict(days)


@pytest.fixture
def emporix() -> FakeEmporix:
    return FakeEmporix()


@pytest.fixture
def kept() -> FakeCounts:
    return FakeCounts()


@pytest.fixture
def histories(emporix: FakeEmporix, kept: FakeCounts, clock: FakeClock) -> DailyHistory:
    clock.now = NINE
    return DailyHistory(cast("Any", emporix), cast("Any", kept), clock)


async def test_counts_complete_days_by_totals(
    histories: DailyHistory, emporix: FakeEmporix
) -> None:
    """Days up to yesterday are counted without reading jobs."""
    history = await histories.read(connection(), Filters(), ZONE, NINE)
    assert (history.days[0].date, history.days[-1].date) == ("2026-11-10", "2026-11-23")
    assert {day.counts for day in history.days} == {(7, 7, 7)}
    assert (len(emporix.asked), {asked.size for asked in emporix.asked}) == (HISTORY_DAYS * 3, {1})
    assert max(asked.until or 0 for asked in emporix.asked) == MIDNIGHT


async def test_the_next_day_counts_one_day(
    histories: DailyHistory, emporix: FakeEmporix, clock: FakeClock
) -> None:
    """The other counts are stored, also for other digests and workers."""
    await histories.read(connection(), Filters(), ZONE, NINE)
    emporix.asked.clear()
    clock.forward(DAY)
    history = await histories.read(connection(), Filters(), ZONE, NINE + DAY)
    assert len(emporix.asked) == 3
    assert (history.days[0].date, history.days[-1].date) == ("2026-11-11", "2026-11-24")


async def test_a_day_that_was_just_over_is_counted_again(
    histories: DailyHistory, emporix: FakeEmporix, clock: FakeClock
) -> None:
    """A day that ended five minutes ago is counted again, as some of its jobs still run."""
    clock.now = MIDNIGHT + 300
    await histories.read(connection(), Filters(), ZONE, clock.now)
    emporix.asked.clear()
    clock.forward(3600)
    await histories.read(connection(), Filters(), ZONE, clock.now)
    assert emporix.asked == []
    clock.now = MIDNIGHT + SETTLED_SECONDS
    await histories.read(connection(), Filters(), ZONE, clock.now)
    assert {asked.since for asked in emporix.asked} == {MIDNIGHT - DAY}
    emporix.asked.clear()
    clock.forward(3600)
    await histories.read(connection(), Filters(), ZONE, clock.now)
    assert emporix.asked == []


async def test_digests_with_the_same_question_share_a_history(
    histories: DailyHistory, emporix: FakeEmporix
) -> None:
    """Histories are shared by tenant, key, filters and zone, whatever the user or sort order."""
    same = [
        histories.read(connection(), Filters(), ZONE, NINE),
        histories.read(connection(GRACE), Filters(page=3, size=5), ZONE, NINE + 60),
    ]
    one, other = await asyncio.gather(*same)
    assert one is other
    calls = len(emporix.asked)
    for held, filters, zone in (
        (connection(tenant="globex"), Filters(), ZONE),
        (connection(), Filters(words=("refund",)), ZONE),
        (connection(), Filters(), "UTC"),
    ):
        await histories.read(held, filters, zone, NINE)
    assert len(emporix.asked) == 4 * calls


async def test_many_charts_make_few_concurrent_calls(
    histories: DailyHistory, emporix: FakeEmporix
) -> None:
    """Forty histories at once make only a few calls at the same time."""
    reading = [
        histories.read(connection(), Filters(words=(str(number),)), ZONE, NINE)
        for number in range(40)
    ]
    await asyncio.gather(*reading)
    assert emporix.most_at_once == MAX_HISTORY_CALLS


async def test_counts_only_filtered_statuses(histories: DailyHistory, emporix: FakeEmporix) -> None:
    """A digest of failures takes one call per day, one of running jobs none."""
    failed = await histories.read(connection(), Filters(statuses=("failure",)), ZONE, NINE)
    assert (failed.statuses, len(emporix.asked)) == (("failure",), HISTORY_DAYS)
    running = await histories.read(connection(), Filters(statuses=("in_progress",)), ZONE, NINE)
    assert (running.statuses, running.has_enough_days, len(emporix.asked)) == (
        (),
        False,
        HISTORY_DAYS,
    )


@pytest.mark.parametrize("trouble", [EmporixFailed("500", tenant="acme"), None])
async def test_a_day_that_is_not_known_is_not_zero(
    histories: DailyHistory, emporix: FakeEmporix, trouble: Exception | None
) -> None:
    """An unknown count is not stored, and is requested again the next time."""
    emporix.trouble[MIDNIGHT - 3 * DAY] = trouble
    history = await histories.read(connection(), Filters(), ZONE, NINE)
    assert [day.date for day in history.days[-3:]] == ["2026-11-20", "2026-11-22", "2026-11-23"]
    assert (history.unknown, history.series[0].counts) == (1, (7,) * 13)
    emporix.trouble.clear()
    emporix.asked.clear()
    later = await histories.read(connection(), Filters(), ZONE, NINE + DAY)
    assert later.unknown == 0
    assert len(emporix.asked) == 2 * 3


async def test_stops_when_emporix_fails(histories: DailyHistory, emporix: FakeEmporix) -> None:
    """Counting stops after two failed days, and at once after a 429."""
    emporix.trouble = {MIDNIGHT - day * DAY: EmporixTimeout(tenant="acme") for day in range(15)}
    history = await histories.read(connection(), Filters(), ZONE, NINE)
    assert (history.days, history.unknown) == ((), HISTORY_DAYS)
    assert len(emporix.asked) == MAX_UNKNOWN_DAYS
    emporix.trouble = {MIDNIGHT - DAY: RateLimited(tenant="acme")}
    await histories.read(connection(), Filters(words=("refund",)), ZONE, NINE)
    assert len(emporix.asked) == MAX_UNKNOWN_DAYS + 1


async def test_waits_at_most_two_seconds(
    emporix: FakeEmporix, kept: FakeCounts, clock: FakeClock
) -> None:
    """Days counted by then are shown, others are left out, and counting continues."""
    clock.now, patience = NINE, Patience()
    histories = DailyHistory(cast("Any", emporix), cast("Any", kept), clock, patience)
    emporix.stops_after = 2 * 3
    reading = asyncio.ensure_future(histories.read(connection(), Filters(), ZONE, NINE))
    await emporix.stopped.wait()
    assert (patience.asked, reading.done()) == ([2.0], False)
    patience.over.set()
    history = await reading
    assert [day.date for day in history.days] == ["2026-11-22", "2026-11-23"]
    assert (history.unknown, history.has_enough_days) == (12, True)
    emporix.stopped.clear()
    emporix.resume.set()
    patience.over.clear()
    later = await histories.read(connection(), Filters(), ZONE, NINE)
    assert (later.unknown, len(emporix.asked)) == (0, HISTORY_DAYS * 3)
    await histories.close()


async def test_there_is_no_chart_if_emporix_does_not_answer(
    emporix: FakeEmporix, kept: FakeCounts, clock: FakeClock
) -> None:
    """After two seconds without a count, there is no chart."""
    clock.now, patience = NINE, Patience()
    patience.over.set()
    histories = DailyHistory(cast("Any", emporix), cast("Any", kept), clock, patience)
    emporix.stops_after = 0
    history = await histories.read(connection(), Filters(), ZONE, NINE)
    assert (history.days, history.has_enough_days) == ((), False)
    await histories.close()


async def test_each_count_is_stored_at_once(
    emporix: FakeEmporix, kept: FakeCounts, clock: FakeClock
) -> None:
    """If a worker stops, the next one counts only the remaining days."""
    clock.now = NINE
    first = DailyHistory(cast("Any", emporix), cast("Any", kept), clock)
    emporix.stops_after = 5 * 3
    preparing = asyncio.ensure_future(first.prepare(connection(), Filters(), ZONE, NINE))
    await emporix.stopped.wait()
    preparing.cancel()
    await first.close()
    emporix.resume.set()
    emporix.asked.clear()
    second = DailyHistory(cast("Any", emporix), cast("Any", kept), clock)
    history = await second.prepare(connection(), Filters(), ZONE, NINE)
    assert (history.unknown, len(emporix.asked)) == (0, (HISTORY_DAYS - 5) * 3)


def history(*failed: int) -> History:
    days = (
        DayCount(f"2026-11-{place:02}", (count,))
        for place, count in enumerate(failed, start=24 - len(failed))
    )
    return History("acme", ("failure",), tuple(days))


@pytest.mark.parametrize(
    ("days", "enough"),
    [
        (history(), False),
        (history(0, 0, 0), False),
        (history(5), False),
        (history(0, 0, 5), False),
        (history(0, 5, 0), True),
        (history(5, 5), True),
    ],
)
def test_two_days_are_enough(days: History, enough: bool) -> None:
    """Known days are counted from the first day with a job."""
    assert days.has_enough_days is enough


def test_the_peak_day_is_the_latest_of_equals() -> None:
    """If there are no failures, there is no peak day."""
    (kind,) = history(5, 9, 0, 9, 0).series
    assert (kind.total, kind.peak, kind.peak_day) == (23, 9, "2026-11-22")
    (kind,) = replace(history(0, 0)).series
    assert (kind.total, kind.peak, kind.peak_day) == (0, 0, "")
