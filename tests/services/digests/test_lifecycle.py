"""The states of a digest after each event."""

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


def test_the_first_digest_covers_a_day() -> None:
    """The first digest is compared with the day before."""
    assert lifecycle.report_window(DIGEST, SLOT) == ReportWindow(
        DUE - 2 * DAY_SECONDS, DUE - DAY_SECONDS, DUE
    )


def test_a_digest_covers_the_time_since_the_last_one() -> None:
    """The period is at most a month."""
    weekly = replace(DIGEST, covered_until=DUE - 7 * DAY_SECONDS)
    assert lifecycle.report_window(weekly, SLOT).since == DUE - 7 * DAY_SECONDS
    old = replace(DIGEST, covered_until=DUE - 90 * DAY_SECONDS)
    assert lifecycle.report_window(old, SLOT).since == DUE - MONTH_SECONDS


def test_after_a_post_comes_the_next_day() -> None:
    """A post mentions missed runs and resets failed days."""
    before = replace(DIGEST, skipped=("2026-11-23",), failed_dates=("2026-11-23",))
    after = lifecycle.record_post(before, SLOT, DUE + 60)
    assert after.scheduled_run == ScheduledRun("2026-11-25", DUE + DAY_SECONDS)
    assert (after.posted_on, after.covered_until) == ("2026-11-24", DUE)
    assert (after.skipped, after.failed_dates) == ((), ())


def test_a_quiet_day_keeps_missed_runs() -> None:
    """Without a post, missed runs are still to be mentioned."""
    before = replace(DIGEST, skipped=("2026-11-23",))
    assert lifecycle.was_quiet(before, SLOT, DUE).skipped == ("2026-11-23",)


def test_a_late_run_is_posted() -> None:
    """After two days off, five hours after the run time, today's run is posted late."""
    now = DUE + 2 * DAY_SECONDS + 5 * 3600
    after = lifecycle.miss_run(DIGEST, SLOT, now)
    assert after.skipped == ("2026-11-24", "2026-11-25")
    assert after.scheduled_run == ScheduledRun("2026-11-26", DUE + 2 * DAY_SECONDS)
    assert lifecycle.is_late(after.scheduled_run, now)
    assert not lifecycle.is_too_late(after.scheduled_run, now)


def test_changing_the_time_causes_no_second_post() -> None:
    """A digest posted at eight and moved to ten at nine is next posted tomorrow."""
    done = lifecycle.record_post(DIGEST, SLOT, DUE)
    later = replace(done, schedule=replace(DIGEST.schedule, minute=600))
    after = lifecycle.start(later, DUE + 3600)
    assert after.scheduled_run is not None
    assert after.scheduled_run.date == "2026-11-25"


def test_concurrent_changes_are_kept() -> None:
    """A digest that is paused while it is posted stays paused."""
    paused = lifecycle.pause(DIGEST, "by_hand", DUE)
    after = lifecycle.record_post(paused, SLOT, DUE)
    assert (after.paused, after.scheduled_run) == ("by_hand", None)


def test_a_requested_run_does_not_change_the_schedule() -> None:
    """The next scheduled run is the same after any result of a requested run."""
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
def test_each_day_is_posted_or_missed_once(pauses: list[float]) -> None:
    """At any times that workers run, dates increase, and none is lost or repeated."""
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
