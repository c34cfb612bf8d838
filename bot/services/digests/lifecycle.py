"""Pure functions that return the new state of a digest and its next run after an event."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.digests import Digest, ScheduledRun
from bot.domain.times import DAY_SECONDS
from bot.services.accounts import MAX_CONNECTION_FAILURES
from bot.services.digests.schedule import MONTH_SECONDS, next_run, runs_between

LATE_NOTICE_SECONDS = 5 * 60.0
"""A digest that is posted later than this says that it is late."""

MAX_DELAY_SECONDS = 6 * 60 * 60.0
REQUEST_TTL_SECONDS = 15 * 60.0
"""How long a request to post a digest now is valid."""

MAX_PAUSE_NOTICES = 2
"""Notices to the channel about a pause: at once, and when the next run would have been."""

MAX_SKIPPED_DATES = 31


@dataclass(frozen=True, slots=True)
class ReportWindow:
    """The period that a digest covers, from `since` to `until`.

    `before` is the start of the preceding period, which has the same length.
    """

    before: float
    since: float
    until: float


def is_requested(slot: ScheduledRun) -> bool:
    """Whether a user requested this run; other runs are scheduled."""
    return slot.date.startswith("now.")


def is_too_late(slot: ScheduledRun, now: float) -> bool:
    return now - slot.at > (REQUEST_TTL_SECONDS if is_requested(slot) else MAX_DELAY_SECONDS)


def is_late(slot: ScheduledRun, now: float) -> bool:
    return not is_requested(slot) and now - slot.at > LATE_NOTICE_SECONDS


def report_window(digest: Digest, slot: ScheduledRun) -> ReportWindow:
    """The period since the previous digest: a day for the first one, at most a month."""
    until = slot.at
    since = digest.covered_until
    if not 0 < since < until:
        since = until - DAY_SECONDS
    since = max(since, until - MONTH_SECONDS)
    return ReportWindow(since - (until - since), since, until)


def start(digest: Digest, now: float) -> Digest:
    """Start a new, resumed or changed digest; its next run is on a day without a post."""
    slot = next_run(digest.schedule, now, not_on=digest.posted_on)
    return replace(
        digest,
        scheduled_run=slot,
        paused="",
        paused_at=0,
        paused_by="",
        notices=0,
        notice_at=0,
        failed_dates=(),
        missed_runs=0,
    )


def record_post(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Record that the digest was posted and mentioned the runs that were missed before."""
    after = _after_run(digest, slot, now)
    return replace(after, covered_until=slot.at, skipped=(), failed_dates=(), missed_runs=0)


def was_quiet(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Record that nothing was posted, as there were no jobs; missed runs are mentioned later."""
    return replace(
        _after_run(digest, slot, now), covered_until=slot.at, failed_dates=(), missed_runs=0
    )


def miss_run(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Record that a run is too late; all other runs that are too late are missed, too."""
    if is_requested(slot):
        return replace(digest, requested_at=0)
    gone = runs_between(digest.schedule, slot, now - MAX_DELAY_SECONDS)
    dates = [*digest.skipped, slot.date, *(one.date for one in gone)]
    skipped = tuple(dict.fromkeys(dates))[-MAX_SKIPPED_DATES:]
    following = _next_run(digest, now - MAX_DELAY_SECONDS, slot.date)
    # The next digest covers this period, too.
    covered_until = digest.covered_until or slot.at - DAY_SECONDS
    return replace(
        digest,
        skipped=skipped,
        scheduled_run=following,
        covered_until=covered_until,
        missed_runs=digest.missed_runs + len({slot.date, *(one.date for one in gone)}),
    )


def record_failure(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Record a connection failure; the digest pauses after MAX_CONNECTION_FAILURES such days."""
    after = skip_run(digest, slot, now)
    if is_requested(slot):
        return after
    after = replace(after, failed_dates=tuple(dict.fromkeys((*digest.failed_dates, slot.date))))
    return (
        pause(after, "connection", now)
        if len(after.failed_dates) >= MAX_CONNECTION_FAILURES
        else after
    )


def skip_run(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Skip a run because of a permanent error."""
    if is_requested(slot):
        return replace(digest, requested_at=0)
    skipped = (*digest.skipped, slot.date)[-MAX_SKIPPED_DATES:]
    following = _next_run(digest, max(now, slot.at), slot.date)
    covered_until = digest.covered_until or slot.at - DAY_SECONDS
    return replace(digest, skipped=skipped, scheduled_run=following, covered_until=covered_until)


def record_check(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Record that the owner was found in Slack."""
    return replace(digest, checked_at=now)


def pause(digest: Digest, reason: str, now: float, *, by: str = "") -> Digest:
    """Pause a digest until a user resumes it; its channel gets a notice at once.

    `by` is the user who paused it. If it is paused already, its reason is kept.
    """
    if digest.paused:
        return replace(digest, requested_at=0)
    return replace(
        digest,
        paused=reason,
        paused_at=now,
        paused_by=by,
        notices=0,
        notice_at=now,
        scheduled_run=None,
        requested_at=0,
    )


def record_notice(digest: Digest, notice: int) -> Digest:
    """Record that a notice, counted from 1, was posted.

    The second notice is due when the next run would have been.
    """
    if not digest.paused or digest.notices >= notice:
        return digest
    second = next_run(digest.schedule, digest.paused_at).at
    return replace(digest, notices=notice, notice_at=second if notice < MAX_PAUSE_NOTICES else 0)


def request_run(digest: Digest, now: float) -> Digest:
    """Record that a user requested a post now; this works even if the digest is paused."""
    return replace(digest, requested_at=now)


def _after_run(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    if is_requested(slot):
        return replace(digest, requested_at=0)
    following = _next_run(digest, max(now, slot.at), slot.date)
    # A request made after the time of a late run is fulfilled by that run.
    asked = 0 if digest.requested_at >= slot.at else digest.requested_at
    return replace(digest, posted_on=slot.date, scheduled_run=following, requested_at=asked)


def _next_run(digest: Digest, after: float, not_on: str) -> ScheduledRun | None:
    """The next run of the current schedule; None if the digest is paused."""
    if digest.scheduled_run is None:
        return None
    return next_run(digest.schedule, after, not_on=not_on)
