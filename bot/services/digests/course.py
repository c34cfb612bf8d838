"""The course of a digest: what is to be done now, and what it is like afterwards; all pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.models import Digest, Slot
from bot.services.digests.schedule import MONTH_SECONDS, next_slot, slots_between

DAY_SECONDS = 24 * 60 * 60.0
LATE_SECONDS = 5 * 60.0
"""Nobody needs to be told of less."""

TOO_LATE_SECONDS = 6 * 60 * 60.0
ASKED_SECONDS = 15 * 60.0
"""Who asked for a digest at once does not want it later than that."""

STRIKES = 3
MOST_SKIPPED = 31


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a digest covers, from `since` up to `until`, and the beginning of the period
    before it, which is as long.
    """

    before: float
    since: float
    until: float


def is_asked(slot: Slot) -> bool:
    """Whether somebody asked for this run; the others are those of the schedule."""
    return slot.on.startswith("now.")


def is_too_late(slot: Slot, now: float) -> bool:
    return now - slot.at > (ASKED_SECONDS if is_asked(slot) else TOO_LATE_SECONDS)


def is_late(slot: Slot, now: float) -> bool:
    return not is_asked(slot) and now - slot.at > LATE_SECONDS


def window(digest: Digest, slot: Slot) -> Window:
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
    return replace(digest, slot=slot, paused="", strikes=(), checked_at=0)


def posted(digest: Digest, slot: Slot, now: float) -> Digest:
    """It was told; what was missed before has been mentioned."""
    return replace(_behind(digest, slot, now), covered_until=slot.at, skipped=(), strikes=())


def was_quiet(digest: Digest, slot: Slot, now: float) -> Digest:
    """There was nothing to tell; what was missed before is still to be mentioned."""
    return replace(_behind(digest, slot, now), covered_until=slot.at, strikes=())


def missed(digest: Digest, slot: Slot, now: float) -> Digest:
    """It is too late for this run; those that are too late as well are missed with it."""
    if is_asked(slot):
        return replace(digest, asked=0)
    gone = slots_between(digest.schedule, slot, now - TOO_LATE_SECONDS)
    dates = [*digest.skipped, slot.on, *(one.on for one in gone)]
    skipped = tuple(dict.fromkeys(dates))[-MOST_SKIPPED:]
    following = _following(digest, now - TOO_LATE_SECONDS, slot.on)
    covered_until = digest.covered_until or slot.at - DAY_SECONDS  # the next tells of this, too
    return replace(digest, skipped=skipped, slot=following, covered_until=covered_until)


def struck(digest: Digest, slot: Slot, now: float) -> Digest:
    """The connection did not work; after three such days the digest pauses."""
    after = given_up(digest, slot, now)
    if is_asked(slot):
        return after
    after = replace(after, strikes=tuple(dict.fromkeys((*digest.strikes, slot.on))))
    return paused(after, "connection", now) if len(after.strikes) >= STRIKES else after


def given_up(digest: Digest, slot: Slot, now: float) -> Digest:
    """Something went wrong that does not pass: this run is left out."""
    if is_asked(slot):
        return replace(digest, asked=0)
    skipped = (*digest.skipped, slot.on)[-MOST_SKIPPED:]
    following = _following(digest, max(now, slot.at), slot.on)
    covered_until = digest.covered_until or slot.at - DAY_SECONDS
    return replace(digest, skipped=skipped, slot=following, covered_until=covered_until)


def checked(digest: Digest, slot: Slot, now: float) -> Digest:
    """Its channel and its owner are there."""
    return replace(digest, checked_at=now)


def paused(digest: Digest, reason: str, now: float) -> Digest:
    """Nothing happens by the clock until somebody resumes it."""
    return replace(digest, paused=reason, paused_at=now, notices=0, slot=None, asked=0)


def asked(digest: Digest, now: float) -> Digest:
    """Somebody wants it at once; also where it is paused."""
    return replace(digest, asked=now)


def _behind(digest: Digest, slot: Slot, now: float) -> Digest:
    if is_asked(slot):
        return replace(digest, asked=0)
    following = _following(digest, max(now, slot.at), slot.on)
    return replace(digest, posted_on=slot.on, slot=following)


def _following(digest: Digest, after: float, not_on: str) -> Slot | None:
    """The next run by the schedule, which may have been changed meanwhile; None where it pauses."""
    if digest.slot is None:
        return None
    return next_slot(digest.schedule, after, not_on=not_on)
