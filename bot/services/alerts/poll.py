"""Polls Emporix for alerts: jobs that are new or have changed, each reported exactly once.

Emporix may show a change some time after it happened. Therefore each poll starts a little before
the latest change seen, and the changes seen in this overlap are stored as a watermark. Only
Emporix's times are compared, as the local clock may differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded
from bot.domain.accounts import Connection, PolledConnection, require_connection
from bot.domain.alerts import Alert, ChangeBatch
from bot.domain.conditions import (
    WATERMARK_OVERLAP_SECONDS,
    ConditionReport,
    Watermark,
    add_to_bursts,
)
from bot.domain.filters import Filters
from bot.domain.jobs import RUNNING, Job, created_at, modified_at
from bot.domain.times import Clock
from bot.emporix.query import CREATED, MODIFIED, TimeRange, iso
from bot.errors import EmporixError, InvalidRequest, NotConnected
from bot.services.accounts import CONNECTION_ERRORS, MAX_CONNECTION_FAILURES
from bot.services.agents import MAX_PAGES_PER_QUERY, FetchedJobs, NamedJobs, fetch_pages
from bot.services.alerts.conditions import (
    FEW_JOBS,
    ConditionChecks,
    Question,
    reports_changes,
)
from bot.services.alerts.grouping import (
    alerts_by_query,
    covering,
    group_by_filters,
    job_change,
    matches,
)
from bot.services.alerts.mentions import due_mentions, next_mention_at
from bot.services.digests.lifecycle import MAX_PAUSE_NOTICES
from bot.services.filters.definitions import SORTS
from bot.services.jobs import MAX_IDS_PER_QUERY, JobLookup, JobsById
from bot.services.pagination import short_hash
from bot.services.session_logs import ErrorLines
from bot.store.accounts import AccountStore
from bot.store.alerts import QUERIES_PERIOD_SECONDS, AlertStore

TIME_RESOLUTION_SECONDS = 0.001
"""Emporix writes times to the millisecond."""


def initial_watermark(fetched: FetchedJobs, now: float) -> Watermark:
    """The watermark of a new alert, which does not report existing jobs."""
    return advance(
        Watermark(now - WATERMARK_OVERLAP_SECONDS if not fetched.jobs else 0.0), fetched
    )[1]


def advance(
    mark: Watermark, fetched: FetchedJobs, until: float = 0.0
) -> tuple[tuple[Job, ...], Watermark]:
    """The changes to report, oldest first, and the watermark after them.

    `until` is the time of the latest change of any job when they were fetched, if it is known.
    """
    jobs = [job for job in fetched.jobs if job.id and modified_at(job) >= mark.begin]
    news = [job for job in jobs if mark.seen.get(job.id) != _version_of(job)]
    reached = max([mark.reached, until, *map(modified_at, jobs)])
    whole = fetched.oldest <= mark.begin
    floor = mark.floor if whole else fetched.oldest + TIME_RESOLUTION_SECONDS
    after = Watermark(reached, floor)
    seen = {**mark.seen, **{job.id: _version_of(job) for job in jobs}}
    kept = {job_id: fact for job_id, fact in seen.items() if fact[0] >= after.begin}
    return tuple(reversed(news)), Watermark(reached, floor, kept)


def count_unfetched(mark: Watermark, fetched: FetchedJobs) -> int | None:
    """The number of changes to report that were not fetched; None if it is unknown."""
    if fetched.oldest <= mark.begin:
        return 0
    if fetched.total is None:
        return None
    known = {job.id for job in fetched.jobs}
    seen = sum(
        at <= fetched.oldest and job_id not in known for job_id, (at, _) in mark.seen.items()
    )
    return max(0, fetched.total - len(fetched.jobs) - seen)


def _version_of(job: Job) -> tuple[float, str]:
    return modified_at(job), short_hash(f"{job.version}|{job.modified_at}|{job.status}")


LAST_CHANGED_FIRST = "metadata.modifiedAt:DESC"


async def fetch_changes(
    emporix: NamedJobs,
    connection: Connection,
    filters: Filters,
    since: float,
    most_pages: int = MAX_PAGES_PER_QUERY,
) -> FetchedJobs:
    """Read the jobs that match the filters and changed at `since` or later; 0 means at any time.

    One page of a `q:` query is read; its last job shows whether it reaches back far enough.
    """
    asked = replace(filters, sort=LAST_CHANGED_FIRST)
    part = TimeRange(MODIFIED, since=iso(since) if since > 0 else "")
    jobs, whole, total = await fetch_pages(emporix, connection, asked, part, most_pages)
    if filters.raw_q:
        whole = whole or 0 < min(map(modified_at, jobs), default=0.0) < since
    return FetchedJobs(tuple(jobs), since, whole, None if filters.raw_q else total)


ALERT_POLL_INTERVAL_SECONDS = 50.0
"""Short enough to post changes within a minute; the changes of one poll are posted together."""

CHANGES_FIRST_SECONDS = 2 * 60.0
"""Another question comes before a second one for changes only if it has waited this much longer."""

MAX_BEHIND_SECONDS = 60 * 60.0
"""The most by which an alert's latest change may be older than that of others, to share a query."""

MAX_MISSED_SECONDS = 150.0
"""An alert that was polled longer ago has its own query: the common one finds too many changes."""

MAX_ALERT_POLL_INTERVAL_SECONDS = 15 * 60.0
"""The longest time until the next poll, except while Emporix fails."""

CATCH_UP_SECONDS = 10 * 60.0
"""After this long without a poll, changes are summed up in one post."""

PAUSE_NOTICE_INTERVAL_SECONDS = 24 * 60 * 60.0
"""Time between the two notices to a channel that an alert is paused."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """Ids of alerts, grouped by the worker's next step.

    Alerts in `ready` have changes to post, those in `invalid_filters` have filters that Emporix
    rejects, those in `notices_due` are paused and need a notice in their channels, and those in
    `mentions_due` have mentions to post.
    `connection_error` is the template of an error that stops all alerts of the connection, or "".
    """

    ready: tuple[str, ...] = ()
    connection_error: str = ""
    invalid_filters: tuple[str, ...] = ()
    notices_due: tuple[str, ...] = ()
    mentions_due: tuple[str, ...] = ()


class AlertPoller:
    """Polls Emporix for alerts. Every method may raise StoreUnavailable."""

    def __init__(
        self,
        emporix: NamedJobs,
        found: JobsById,
        error_lines: ErrorLines,
        store: AlertStore,
        accounts: AccountStore,
        clock: Clock,
    ) -> None:
        self._emporix, self._jobs_by_id, self._store = emporix, found, store
        self._error_lines = error_lines
        self._connections, self._accounts, self._clock = store.connections, accounts, clock
        self._checks = ConditionChecks(emporix, store, clock)

    async def poll(self, source: PolledConnection) -> PollResult:
        """Ask Emporix what is due, as far as the limit for queries allows, and store the result."""
        now = self._clock()
        existing = await self._store.of_connection(source)
        active = [alert for alert in existing if not alert.paused and alert.muted_until <= now]
        result = PollResult(
            notices_due=tuple(alert.id for alert in existing if pause_notice_at(alert) <= now),
            mentions_due=tuple(alert.id for alert in existing if due_mentions(alert, now)),
        )
        try:
            refused, next_at = await self._ask(source, active, now)
        except CONNECTION_ERRORS as error:
            failed = await self.record_failure(source, error)
            return replace(result, connection_error=failed.connection_error)
        except EmporixError as error:
            due = [alert for alert in active if reports_changes(alert)]
            next_at = now + backoff_seconds(error, due, now)
            await self._connections.schedule(source, next_at)
            return replace(result, ready=await self._ready(source, active))
        is_limited = next_at > now
        await self._connections.schedule(
            source, next_at if is_limited else next_poll_at(existing, now)
        )
        ready = await self._ready(source, active)
        return replace(result, ready=ready, invalid_filters=tuple(refused))

    async def _ready(self, source: PolledConnection, active: Sequence[Alert]) -> tuple[str, ...]:
        """The ids of those of these alerts that have something to post."""
        ids = {alert.id for alert in active}
        there = [one for one in await self._store.of_connection(source) if one.id in ids]
        return tuple(one.id for one in there if one.batch or one.progress.reports)

    async def record_failure(
        self, source: PolledConnection, error: NotConnected | EmporixError
    ) -> PollResult:
        """Count a connection error; `connection_error` is set after several in a row."""
        failures, now = await self._connections.count_failure(source), self._clock()
        pause = min(
            MAX_ALERT_POLL_INTERVAL_SECONDS,
            ALERT_POLL_INTERVAL_SECONDS * 2 ** min(failures, MAX_CONNECTION_FAILURES),
        )
        await self._connections.schedule(source, now + pause)
        is_reported = isinstance(error, NotConnected) or failures >= MAX_CONNECTION_FAILURES
        return PollResult(connection_error=error.template if is_reported else "")

    async def load_jobs(
        self, alert: Alert, ids: Iterable[str], explained: Iterable[str] = ()
    ) -> Mapping[str, Job]:
        """Read jobs by their ids; omits those that are gone. Raises NotConnected, EmporixError.

        The jobs `explained` get the error lines of their logs, as far as they are known.
        """
        connection = await self._connect(alert.connection)
        found = (await self._look_up(connection, ids)).found
        failed = [found[job_id] for job_id in dict.fromkeys(explained) if job_id in found]
        lines = await self._error_lines.read(connection, failed)
        return found | {
            job_id: replace(found[job_id], error_line=line) for job_id, line in lines.items()
        }

    async def load_reported(
        self, alert: Alert, report: ConditionReport
    ) -> tuple[Mapping[str, Job], Set[str]]:
        """Read the jobs of a report, and the ids of those that have ended or were deleted.

        For a silence, read the first job after it, if there is one by now. Raises NotConnected and
        EmporixError.
        """
        if not report.job_ids and not report.known:
            return {}, frozenset()
        connection = await self._connect(alert.connection)
        if report.job_ids:
            found = await self._look_up(connection, report.job_ids)
            ended = {job_id for job_id, job in found.found.items() if job.status != RUNNING}
            return found.found, found.gone | ended
        oldest_first = replace(alert.filters, sort=SORTS["oldest"], page=1, size=FEW_JOBS)
        since = TimeRange(CREATED, since=iso(report.since + TIME_RESOLUTION_SECONDS))
        page = await self._emporix.list_jobs(connection, oldest_first, since)
        return {job.id: job for job in page.jobs if created_at(job)}, frozenset()

    async def _connect(self, source: PolledConnection) -> Connection:
        return require_connection(await self._accounts.load(source.owner), source.tenant)

    async def _look_up(self, connection: Connection, ids: Iterable[str]) -> JobLookup:
        """Look up any number of jobs by id."""
        wanted, found, gone = list(dict.fromkeys(ids)), dict[str, Job](), set[str]()
        for start in range(0, len(wanted), MAX_IDS_PER_QUERY):
            some = wanted[start : start + MAX_IDS_PER_QUERY]
            lookup = await self._jobs_by_id.find(connection, some)
            found, gone = found | lookup.found, gone | lookup.gone
        return JobLookup(found, frozenset(gone))

    async def _ask(
        self, source: PolledConnection, active: Sequence[Alert], now: float
    ) -> tuple[list[str], float]:
        """Ask the due questions: first for changes, then the others, as long as they have waited.

        Returns the ids of alerts whose filters are rejected, and when the next query is allowed.
        """
        changing = [alert for alert in active if reports_changes(alert) and not alert.batch]
        changes = sorted(self._change_questions(changing), key=lambda one: one.asked_at)
        others = [*changes[1:], *await self._checks.questions(active)]
        # a time in the future is from before the clock was set back
        others.sort(key=lambda one: one.asked_at if one.asked_at <= now else 0.0)
        refused, connection = list[str](), None
        for question in (*changes[:1], *others):
            next_at = await self._store.next_query_at(source, now)
            if next_at > now:  # wait until both the changes and another question can be asked
                return refused, now + QUERIES_PERIOD_SECONDS if connection else next_at
            if not connection:
                connection = await self._connect(source)
            try:
                await question.ask(connection)
            except InvalidRequest:
                refused += await self._refused(connection, question.alerts)
            await self._connections.clear_failures(source)
        if not connection:  # all alerts are muted or paused: earlier refusals no longer count
            await self._connections.clear_failures(source)
        return refused, now

    async def _refused(self, connection: Connection, alerts: Sequence[Alert]) -> list[str]:
        """The ids of those of these alerts whose own filters Emporix rejects."""
        found: list[str] = []
        groups = group_by_filters(alerts)
        if len(groups) == 1:
            return [alert.id for alert in alerts]
        for filters, some in groups.items():
            try:
                await fetch_changes(self._emporix, connection, filters, 0.0, most_pages=1)
            except InvalidRequest:
                found += [alert.id for alert in some]
        return found

    def _change_questions(self, alerts: Sequence[Alert]) -> Iterator[Question]:
        """One query for the changes of all alerts that it can serve.

        An alert whose last change was long ago has its own query at first, as the common one would
        have to read all changes since then, and so has one that the common query has not served.
        """
        missed_before = self._clock() - MAX_MISSED_SECONDS
        for group in alerts_by_query(alerts):
            latest = max(alert.mark.begin for alert in group)
            reached = max(alert.mark.reached for alert in group)
            earliest = latest - MAX_BEHIND_SECONDS
            behind = [
                one for one in group if one.mark.begin < earliest or one.polled_at < missed_before
            ]
            current = [one for one in group if one not in behind]
            for some in filter(None, (current, *group_by_filters(behind).values())):
                asked_at = min(alert.polled_at for alert in some) - CHANGES_FIRST_SECONDS
                yield Question(asked_at, some, partial(self._read_changes, some, reached))

    async def _read_changes(
        self, alerts: Sequence[Alert], reached: float, connection: Connection
    ) -> None:
        """Read the changes since the last poll; `reached` is the latest that any alert has seen.

        If there are too many for the common query, alerts that would miss some have their own soon.
        """
        filters = covering([alert.filters for alert in alerts])
        since = min(alert.mark.begin for alert in alerts)
        fetched = await fetch_changes(self._emporix, connection, filters, since)
        latest, now = max([reached, *map(modified_at, fetched.jobs)]), self._clock()
        for alert in alerts:
            own = fetched if alert.filters == filters else only_matching(fetched, alert.filters)
            if own is fetched or fetched.oldest <= alert.mark.begin:
                await self._store.save(with_batch(alert, own, now, latest), alert)


def only_matching(fetched: FetchedJobs, filters: Filters) -> FetchedJobs:
    """The fetched jobs that match some filters; the number of others is unknown."""
    jobs = tuple(job for job in fetched.jobs if matches(filters, job))
    return FetchedJobs(jobs, fetched.oldest, whole=True, total=None)


def with_batch(alert: Alert, fetched: FetchedJobs, now: float, latest: float = 0.0) -> Alert:
    """The alert after a poll, with the changes to post; `latest` is that of any job."""
    news, mark = advance(alert.mark, fetched, latest)
    changes, since, more = tuple(map(job_change, news)), 0.0, count_unfetched(alert.mark, fetched)
    if alert.condition.kind:
        recent, changes = add_to_bursts(alert.progress.recent, changes, alert.condition)
        progress = replace(alert.progress, watermark=mark, recent=recent)
        seen, more = replace(alert, progress=progress, polled_at=now), 0
    else:
        seen = replace(alert, watermark=mark, polled_at=now)
        since = alert.polled_at if now - alert.polled_at > CATCH_UP_SECONDS else 0.0
    if not changes:
        return seen
    batch = ChangeBatch(alert.number + 1, now, changes, since, more)
    return replace(seen, number=batch.number, batch=batch)


def pause_notice_at(alert: Alert) -> float:
    """When the next notice about the pause of an alert is due; infinite if none is."""
    if not alert.paused or alert.notices >= MAX_PAUSE_NOTICES:
        return math.inf
    return alert.paused_at + alert.notices * PAUSE_NOTICE_INTERVAL_SECONDS


def next_poll_at(alerts: Sequence[Alert], now: float) -> float:
    """When to poll next: after the usual interval, or later if all alerts are muted or paused.

    Polls continue without alerts, because another worker may have the key to decrypt them.
    """
    wanted = [pause_notice_at(alert) if alert.paused else alert.muted_until for alert in alerts]
    first = min([*wanted, *map(next_mention_at, alerts)], default=now)
    return max(now + ALERT_POLL_INTERVAL_SECONDS, min(now + MAX_ALERT_POLL_INTERVAL_SECONDS, first))


def backoff_seconds(error: EmporixError, alerts: Sequence[Alert], now: float) -> float:
    """Seconds to wait after an Emporix error; grows with the time since the last success."""
    failing = now - min((alert.polled_at for alert in alerts), default=now)
    wanted = max(failing / 2, error.retry_after or 0.0)
    return bounded(wanted, least=ALERT_POLL_INTERVAL_SECONDS, most=MAX_EMPORIX_PAUSE_SECONDS)
