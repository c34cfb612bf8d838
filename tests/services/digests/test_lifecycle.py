"""The course of a digest: what comes next, after whatever has happened."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digests import Digest, Schedule, ScheduledRun
from bot.domain.times import DAY_SECONDS
from bot.services.digests import lifecycle
from bot.services.digests.lifecycle import MAX_DELAY_SECONDS, ReportWindow
from bot.services.digests.schedule import MONTH_SECONDS
from tests.store.fixtures import ADA

DUE = 1_795_507_200.0  # 2026-11-24 08:00 UTC
SLOT = ScheduledRun("2026-11-24", DUE)
DIGEST = Digest(
    id="1",
    owner=ADA,
    channel_id="C0OPS",
    name="Morning",
    schedule=Schedule(480, "UTC", tuple(range(7))),
    tenant="acme",
    scheduled_run=SLOT,
)


def test_the_first_covers_a_day() -> None:
    """And is held against the day before."""
    assert lifecycle.report_window(DIGEST, SLOT) == ReportWindow(
        DUE - 2 * DAY_SECONDS, DUE - DAY_SECONDS, DUE
    )


def test_others_cover_the_time_since_the_one_before() -> None:
    """But never more than a month."""
    weekly = replace(DIGEST, covered_until=DUE - 7 * DAY_SECONDS)
    assert lifecycle.report_window(weekly, SLOT).since == DUE - 7 * DAY_SECONDS
    old = replace(DIGEST, covered_until=DUE - 90 * DAY_SECONDS)
    assert lifecycle.report_window(old, SLOT).since == DUE - MONTH_SECONDS


def test_after_a_post_comes_the_next_day() -> None:
    """What was missed has been mentioned, and days that did not work are forgiven."""
    before = replace(DIGEST, skipped=("2026-11-23",), failed_dates=("2026-11-23",))
    after = lifecycle.record_post(before, SLOT, DUE + 60)
    assert after.scheduled_run == ScheduledRun("2026-11-25", DUE + DAY_SECONDS)
    assert (after.posted_on, after.covered_until) == ("2026-11-24", DUE)
    assert (after.skipped, after.failed_dates) == ((), ())


def test_a_quiet_day_mentions_nothing() -> None:
    """So what was missed is still to be told."""
    before = replace(DIGEST, skipped=("2026-11-23",))
    assert lifecycle.was_quiet(before, SLOT, DUE).skipped == ("2026-11-23",)


def test_one_that_is_not_too_late_is_still_to_come() -> None:
    """After two days off, five hours after nine: two are left out, that of today comes late."""
    now = DUE + 2 * DAY_SECONDS + 5 * 3600
    after = lifecycle.miss_run(DIGEST, SLOT, now)
    assert after.skipped == ("2026-11-24", "2026-11-25")
    assert after.scheduled_run == ScheduledRun("2026-11-26", DUE + 2 * DAY_SECONDS)
    assert lifecycle.is_late(after.scheduled_run, now)
    assert not lifecycle.is_too_late(after.scheduled_run, now)


def test_a_change_of_the_time_gives_no_second_one() -> None:
    """Who moves it from eight to ten at nine has had that of today."""
    done = lifecycle.record_post(DIGEST, SLOT, DUE)
    later = replace(done, schedule=replace(DIGEST.schedule, minute=600))
    after = lifecycle.start(later, DUE + 3600)
    assert after.scheduled_run is not None
    assert after.scheduled_run.date == "2026-11-25"


def test_what_somebody_changed_meanwhile_stays() -> None:
    """Paused while it was being posted: it stays paused."""
    paused = lifecycle.pause(DIGEST, "somebody", DUE)
    after = lifecycle.record_post(paused, SLOT, DUE)
    assert (after.paused, after.scheduled_run) == ("somebody", None)


def test_one_that_was_asked_for_leaves_the_schedule_alone() -> None:
    """Whatever becomes of it."""
    asked = lifecycle.request_run(DIGEST, DUE - 100)
    slot = asked.next_run
    assert slot is not None
    for what in (
        lifecycle.record_post,
        lifecycle.miss_run,
        lifecycle.skip_run,
        lifecycle.record_failure,
    ):
        after = what(asked, slot, DUE - 50)
        assert (after.scheduled_run, after.requested_at, after.failed_dates) == (SLOT, 0, ())


@given(st.lists(st.floats(60, 5 * DAY_SECONDS), min_size=1, max_size=6))
def test_days_are_posted_or_left_out_and_none_twice(pauses: list[float]) -> None:
    """Whenever a worker is there: dates rise, and none is lost or told of twice."""
    digest, now, dates = DIGEST, DUE, list[str]()
    for pause in pauses:
        now += pause
        while digest.scheduled_run and digest.scheduled_run.at <= now:
            slot = digest.scheduled_run
            if lifecycle.is_too_late(slot, now):
                digest = lifecycle.miss_run(digest, slot, now)
            else:
                assert now - slot.at <= MAX_DELAY_SECONDS
                dates += [*digest.skipped, slot.date]
                digest = lifecycle.record_post(digest, slot, now)
    dates += digest.skipped
    assert dates == sorted(set(dates))
    assert len(dates) == len(set(dates))
    if dates:
        assert dates[0] == "2026-11-24"
