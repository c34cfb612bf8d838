"""The course of a digest: what is to be done now, and what it is like afterwards; all pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.digests import Digest, ScheduledRun
from bot.services.digests.schedule import MONTH_SECONDS, next_slot, slots_between

DAY_SECONDS = 24 * 60 * 60.0
LATE_SECONDS = 5 * 60.0
"""Nobody needs to be told of less."""

TOO_LATE_SECONDS = 6 * 60 * 60.0
ASKED_SECONDS = 15 * 60.0
"""Who asked for a digest at once does not want it later than that."""

STRIKES = 3
NOTICES = 2
"""Messages to the channel about a pause: at once, and when the next run would have been."""

MOST_SKIPPED = 31


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a digest covers, from `since` up to `until`, and the beginning of the period
    before it, which is as long.
    """

    before: float
    since: float
    until: float


def is_asked(slot: ScheduledRun) -> bool:
    """Whether somebody asked for this run; the others are those of the schedule."""
    return slot.date.startswith("now.")


def is_too_late(slot: ScheduledRun, now: float) -> bool:
    return now - slot.at > (ASKED_SECONDS if is_asked(slot) else TOO_LATE_SECONDS)


def is_late(slot: ScheduledRun, now: float) -> bool:
    return not is_asked(slot) and now - slot.at > LATE_SECONDS


def window(digest: Digest, slot: ScheduledRun) -> Window:
    """Since the digest before: a day for the first one, never more than a month."""
    until = slot.at
    since = digest.covered_until
    if not 0 < since < until:
        since = until - DAY_SECONDS
    since = max(since, until - MONTH_SECONDS)
    return Window(since - (until - since), since, until)


def begun(digest: Digest, now: float) -> Digest:
    """Set up, resumed or changed: from now on, on days that have not had theirs."""
    slot = next_slot(digest.schedule, now, not_on=digest.posted_on)
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


def posted(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """It was told; what was missed before has been mentioned."""
    after = _behind(digest, slot, now)
    return replace(after, covered_until=slot.at, skipped=(), failed_dates=(), missed_runs=0)


def was_quiet(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """There was nothing to tell; what was missed before is still to be mentioned."""
    return replace(
        _behind(digest, slot, now), covered_until=slot.at, failed_dates=(), missed_runs=0
    )


def missed(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """It is too late for this run; those that are too late as well are missed with it."""
    if is_asked(slot):
        return replace(digest, requested_at=0)
    gone = slots_between(digest.schedule, slot, now - TOO_LATE_SECONDS)
    dates = [*digest.skipped, slot.date, *(one.date for one in gone)]
    skipped = tuple(dict.fromkeys(dates))[-MOST_SKIPPED:]
    following = _following(digest, now - TOO_LATE_SECONDS, slot.date)
    covered_until = digest.covered_until or slot.at - DAY_SECONDS  # the next tells of this, too
    return replace(
        digest,
        skipped=skipped,
        scheduled_run=following,
        covered_until=covered_until,
        missed_runs=digest.missed_runs + len({slot.date, *(one.date for one in gone)}),
    )


def struck(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """The connection did not work; after three such days the digest pauses."""
    after = given_up(digest, slot, now)
    if is_asked(slot):
        return after
    after = replace(after, failed_dates=tuple(dict.fromkeys((*digest.failed_dates, slot.date))))
    return paused(after, "connection", now) if len(after.failed_dates) >= STRIKES else after


def given_up(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Something went wrong that does not pass: this run is left out."""
    if is_asked(slot):
        return replace(digest, requested_at=0)
    skipped = (*digest.skipped, slot.date)[-MOST_SKIPPED:]
    following = _following(digest, max(now, slot.at), slot.date)
    covered_until = digest.covered_until or slot.at - DAY_SECONDS
    return replace(digest, skipped=skipped, scheduled_run=following, covered_until=covered_until)


def checked(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    """Its owner is there."""
    return replace(digest, checked_at=now)


def paused(digest: Digest, reason: str, now: float, *, by: str = "") -> Digest:
    """It is not posted until somebody resumes it; its channel gets a notice at once.

    `by` is the user who did it. One that is paused already keeps its reason.
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


def noticed(digest: Digest, notice: int) -> Digest:
    """The channel has had that notice, counted from 1: the second comes when the next run would."""
    if not digest.paused or digest.notices >= notice:
        return digest
    second = next_slot(digest.schedule, digest.paused_at).at
    return replace(digest, notices=notice, notice_at=second if notice < NOTICES else 0)


def asked(digest: Digest, now: float) -> Digest:
    """Somebody wants it at once; also where it is paused."""
    return replace(digest, requested_at=now)


def _behind(digest: Digest, slot: ScheduledRun, now: float) -> Digest:
    if is_asked(slot):
        return replace(digest, requested_at=0)
    following = _following(digest, max(now, slot.at), slot.date)
    asked = (
        0 if digest.requested_at >= slot.at else digest.requested_at
    )  # it was late, and asked for meanwhile
    return replace(digest, posted_on=slot.date, scheduled_run=following, requested_at=asked)


def _following(digest: Digest, after: float, not_on: str) -> ScheduledRun | None:
    """The next run by the schedule, which may have been changed meanwhile; None where it pauses."""
    if digest.scheduled_run is None:
        return None
    return next_slot(digest.schedule, after, not_on=not_on)
