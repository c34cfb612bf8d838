"""Which jobs a clean-up is about: a set that can only become smaller.

Whatever arrives or changes after the count is modified later than `until`, the time of the job that
was modified last when they were counted. That time is Emporix's own, so our clock does not matter.
No bound finds a job without that time: such jobs are never deleted by a clean-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from bot.emporix.models import Job
from bot.emporix.part import MODIFIED, WHOLE, Part
from bot.errors import InvalidInput
from bot.models import NEWEST_FIRST, Filters
from bot.services.order import moment
from bot.store.cleans import Clean

LAST_MODIFIED_FIRST, FIRST_MODIFIED_FIRST = f"{MODIFIED}:DESC", f"{MODIFIED}:ASC"


def check(filters: Filters) -> None:
    """Raises InvalidInput for filters that name no jobs, or seem to and do not."""
    if not filters.narrow:
        raise InvalidInput(
            "Without a filter that would be every job of the tenant",
            advice="Say which jobs are to go: /emporix jobs clean skipped until:2026-11-01",
        )
    plain = Filters()
    ways = ("page", "size", "sort", "fields")
    if odd := [name for name in ways if getattr(filters, name) != getattr(plain, name)]:
        raise InvalidInput(
            "A clean-up takes all jobs that fit, in no order",
            f"{odd[0]}:",
            "Leave page:, size:, sort: and fields: out. Narrow it by since: and until: instead.",
        )


def part(filters: Filters, until: str, since: str = "") -> Part:
    """What lies in the bounds; a `q:` query cannot be bounded, so its jobs are looked at singly."""
    return WHOLE if filters.raw_q else Part(MODIFIED, since=since, until=until)


def fits(job: Job, clean: Clean) -> bool:
    """Whether a job that Emporix gave is one of those that were counted.

    Emporix was asked for nothing else. But a filter that it came to ignore must cost no job.
    """
    modified, until = moment(job.modified_at), moment(clean.until)
    is_bounded = modified is not None and until is not None and modified <= until
    return bool(job.id) and is_bounded and all(_answers(job, clean.filters))


def _answers(job: Job, filters: Filters) -> Iterator[bool]:
    yield _any_of(job.status, filters.statuses, str.lower)
    yield _any_of(job.type, filters.types, str.upper)
    yield _any_of(job.agent_type, filters.agent_types, str.lower)
    yield _any_of(job.agent_id, filters.agents)
    yield _any_of(job.commerce_event, filters.events)
    yield _any_of(job.session_id, filters.sessions)
    message = job.message.casefold()
    yield all(phrase.strip().casefold() in message for phrase in filters.words)
    created = moment(job.created_at)
    yield filters.since is None or _seconds(created) >= filters.since
    yield filters.until is None or 0 <= _seconds(created) < filters.until


def _any_of(value: str, alternatives: tuple[str, ...], spelled: Callable[[str], str] = str) -> bool:
    return not alternatives or spelled(value) in map(spelled, alternatives)


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else -1.0


def looked_through(filters: Filters, sort: str = NEWEST_FIRST, size: int = 1) -> Filters:
    """The same jobs, to be asked for in another way."""
    return replace(filters, sort=sort, page=1, size=size, fields=())
