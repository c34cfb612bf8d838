"""Asks Emporix about conditions of alerts: stuck jobs, silence, and agents that succeed again.

Each query is a question that waits for its turn, because an alert's connection makes few of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.domain.accounts import Connection
from bot.domain.alerts import Alert, PostedAlert
from bot.domain.conditions import (
    COMPARED_WEEKS,
    MIN_KNOWN_WEEKS,
    Condition,
    ConditionReport,
    Period,
    RunningJob,
    Silence,
    SilenceOutcome,
    SilenceQuestion,
    after_answer,
    after_lookup,
    after_running,
    silence_question,
)
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import (
    RUNNING,
    SUCCEEDED,
    FailedAgent,
    Job,
    JobPage,
    Recovery,
    created_at,
    modified_at,
)
from bot.domain.responses import AlertResponses
from bot.domain.times import Clock
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.query import CREATED, EARLIEST, MODIFIED, TimeRange, by_ids, iso
from bot.errors import InvalidRequest, NotFound
from bot.services.agents import NamedJobs, fetch_pages
from bot.services.alerts.grouping import alerts_by_query, covering, kept_posts, matches
from bot.services.alerts.lifecycle import AlertLifecycle, AlertResponder
from bot.services.digests.schedule import silence_end
from bot.services.filters.definitions import SORTS
from bot.services.similarity import agent_label
from bot.store.alerts import AlertStore

QUESTION_INTERVAL_SECONDS = 50.0
"""Time between two queries for stuck jobs, or for agents that succeed again."""

MAX_LOOKUP_LEAD_SECONDS = 2 * QUESTION_INTERVAL_SECONDS
"""Lookups and silences, which take several questions, are asked this much earlier than others."""

WITH_TIME = TimeRange(CREATED, since=EARLIEST)
"""All jobs that have a time; in Emporix's order, others come first."""

FEW_JOBS = 5
"""Jobs to read for the time of one, as some times may be unreadable."""

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Question:
    """A query that is due for `alerts`, asked `asked_at` for the last time."""

    asked_at: float
    alerts: Sequence[Alert]
    ask: Callable[[Connection], Awaitable[None]]


class ConditionChecks:
    """The questions about conditions. Every method may raise StoreUnavailable and EmporixError."""

    def __init__(self, emporix: NamedJobs, store: AlertStore, clock: Clock) -> None:
        self._emporix, self._store, self._clock = emporix, store, clock
        self._lifecycle = AlertLifecycle(store, clock)
        self._responder = AlertResponder(store, clock)

    async def questions(self, alerts: Sequence[Alert]) -> list[Question]:
        """The queries that are due for these alerts, which are neither muted nor paused."""
        now = self._clock()
        stuck = [alert for alert in alerts if alert.condition.stuck]
        posted = [alert for alert in stuck if not alert.progress.reports]
        silent = [alert for alert in alerts if alert.condition.silent]
        failing = [alert for alert in alerts if reports_changes(alert) and not alert.batch]
        return [
            *(self._lookup(alert) for alert in stuck if _missing(alert)),
            *(self._running(some) for some in _by_running_query(posted) if _is_due(some, now)),
            *(one for alert in silent if (one := self._silence(alert, now))),
            *await self._recoveries(failing, now),
        ]

    def _running(self, alerts: Sequence[Alert]) -> Question:
        asked_at = min(alert.progress.asked_at for alert in alerts)
        return Question(asked_at, alerts, partial(self._ask_for_running, alerts))

    async def _ask_for_running(self, alerts: Sequence[Alert], connection: Connection) -> None:
        """Report the jobs that have been running too long, newest first.

        If the query can't read all of them, an alert whose own query is narrower has that next.
        """
        now, length = self._clock(), min(alert.condition.stuck for alert in alerts)
        filters = replace(covering([alert.filters for alert in alerts]), sort=NEWEST_FIRST)
        part = TimeRange(CREATED, before=iso(now - length))
        found, whole, total = await fetch_pages(self._emporix, connection, filters, part)
        begin = 0.0 if whole else min(map(created_at, found), default=0.0)
        left_out = None if total is None else max(1, total - len(found))
        for alert in alerts:
            if not whole and (alert.filters, alert.condition.stuck) != (filters, length):
                await self._update(alert, _with_own_query)
                continue
            period = begin, now - alert.condition.stuck
            jobs = [
                RunningJob(job.id, created_at(job), agent_label(job))
                for job in found
                if job.id and created_at(job) < period[1] and matches(alert.filters, job)
            ]
            unread = 0 if whole else left_out
            await self._update(alert, partial(_with_running, tuple(jobs), period, now, unread))

    def _lookup(self, alert: Alert) -> Question:
        asked_at = alert.progress.looked_up_at - MAX_LOOKUP_LEAD_SECONDS
        return Question(asked_at, [alert], partial(self._look_up, alert))

    async def _look_up(self, alert: Alert, connection: Connection) -> None:
        """Look up jobs that are no longer running: together, or one that wasn't found so."""
        missing = _missing(alert)
        lost = [job.job_id for job in missing if job.missing > 1]
        ids = lost[:1] or [job.job_id for job in missing][:MAX_PAGE_SIZE]
        found, gone = await self._find(connection, ids)
        running = {job_id for job_id, job in found.items() if job.status == RUNNING}
        ended, now = {*found, *gone} - running, self._clock()
        for job in missing:
            if job.job_id in ended:
                await self._recover(alert, job.ts, [_ended(job, found.get(job.job_id), now)])
        after = partial(after_lookup, running=running, ended=ended, unknown=set(ids) - {*found})
        await self._update(
            alert, lambda one: replace(one, progress=replace(after(one.progress), looked_up_at=now))
        )

    async def _find(
        self, connection: Connection, ids: Sequence[str]
    ) -> tuple[dict[str, Job], set[str]]:
        """Jobs by id, and the ids of deleted jobs, with one query; others are unknown."""
        try:
            if len(ids) == 1:
                return {ids[0]: await self._emporix.get_job(connection, ids[0])}, set()
            asked = Filters(raw_q=by_ids(ids), size=len(ids))
            page = await self._emporix.list_jobs(connection, asked, TimeRange())
            return {job.id: job for job in page.jobs if job.id in ids}, set()
        except NotFound:
            return {}, {*ids}
        except InvalidRequest:  # this tenant cannot query by id
            return {}, set()

    def _silence(self, alert: Alert, now: float) -> Question | None:
        condition, silence = alert.condition, alert.progress.silence
        until, weeks = silence_end(condition, silence, now), known_weeks(condition, silence)
        question = silence_question(silence, until, weeks, now)
        if question is None or alert.progress.reports:
            return None
        asked_at = silence.ask_at - MAX_LOOKUP_LEAD_SECONDS
        return Question(asked_at, [alert], partial(self._ask_for_job, alert, question))

    async def _ask_for_job(
        self, alert: Alert, question: SilenceQuestion, connection: Connection
    ) -> None:
        """Ask for one job, and report that there was none for too long, or that one runs again."""
        since, before = question.period
        within = TimeRange(CREATED, since=iso(since), before=iso(before))
        bounds = {"week": within, "latest": within, "next": TimeRange(CREATED, since=iso(since))}
        is_latest = question.about in ("newest", "latest")
        filters = replace(alert.filters, sort=NEWEST_FIRST if is_latest else SORTS["oldest"])
        part = bounds.get(question.about, WITH_TIME)
        page = await self._page(connection, filters, part, FEW_JOBS)
        job_at = next(filter(None, map(created_at, page.jobs)), None)
        now, silence = self._clock(), alert.progress.silence
        weeks = known_weeks(alert.condition, silence)
        after, outcome = after_answer(silence, question, job_at, weeks, now)
        if outcome == "ended" and job_at is not None:
            job = next(job for job in page.jobs if created_at(job) == job_at)
            again = Recovery("silence", job.id, agent_label(job), job_at, now)
            await self._recover(alert, silence.ts, [again])
        await self._update(alert, partial(_with_silence, silence, after, outcome, now))

    async def _recoveries(self, alerts: Sequence[Alert], now: float) -> list[Question]:
        """The question which of the failed agents have succeeded again, if there are any."""
        due = [one for one in alerts if _is_time(one.progress.recovery_asked_at, now)]
        if not due:
            return []
        posts = await self._store.posts_of(due)
        responses = await self._store.responses.load(*(alert.id for alert in due))
        found = zip(due, map(partial(_failed, now), posts, responses), strict=True)
        failed = {alert.id: agents for alert, agents in found if agents}
        waiting = [alert for alert in due if alert.id in failed]
        if not waiting:
            return []
        since = min(agent.at for agents in failed.values() for _, agent in agents)
        asked_at = max(since, min(alert.progress.recovery_asked_at for alert in waiting))
        return [Question(asked_at, waiting, partial(self._ask_for_successes, waiting, failed))]

    async def _ask_for_successes(
        self, alerts: Sequence[Alert], failed: Mapping[str, Failed], connection: Connection
    ) -> None:
        """Show in the messages of failures which agents have succeeded since then."""
        asked = {alert.id: _successes(alert, failed[alert.id]) for alert in alerts}
        since = min(agent.at for found in failed.values() for _, agent in found)
        filters = replace(covering([*asked.values()]), sort=SORTS["modified"])
        part = TimeRange(MODIFIED, since=iso(since))
        jobs, _, _ = await fetch_pages(self._emporix, connection, filters, part)
        now = self._clock()
        for alert in alerts:
            for ts, agent in failed[alert.id]:
                times = [
                    modified_at(job)
                    for job in jobs
                    if job.agent_id == agent.agent_id and matches(asked[alert.id], job)
                ]
                if later := [at for at in times if at > agent.at]:
                    again = Recovery("agent", agent.agent_id, agent.name, min(later), now)
                    await self._recover(alert, ts, [again])
            await self._update(alert, partial(_after_recovery, now))

    async def _page(
        self, connection: Connection, filters: Filters, part: TimeRange, size: int = MAX_PAGE_SIZE
    ) -> JobPage:
        return await self._emporix.list_jobs(connection, replace(filters, page=1, size=size), part)

    async def _recover(self, alert: Alert, ts: str, recoveries: Sequence[Recovery]) -> None:
        """Let a worker show recoveries in a message; if that is repeated, it changes nothing."""
        if ts:
            await self._responder.add_recoveries(alert.id, ts, recoveries)

    async def _update(self, alert: Alert, how: Callable[[Alert], Alert]) -> None:
        now = self._clock()

        def polled(one: Alert) -> Alert:
            return replace(how(one), polled_at=one.polled_at if reports_changes(one) else now)

        await self._lifecycle.update(alert.id, polled)


Failed = Sequence[tuple[str, FailedAgent]]
"""Agents that have not succeeded since they failed, with the messages of the failures."""


def _is_time(asked_at: float, now: float) -> bool:
    """Whether to ask again; a time in the future is from before the clock was set back."""
    return not now - QUESTION_INTERVAL_SECONDS < asked_at <= now


def _is_due(alerts: Sequence[Alert], now: float) -> bool:
    return any(_is_time(alert.progress.asked_at, now) for alert in alerts)


def _missing(alert: Alert) -> list[RunningJob]:
    """Reported jobs that may have ended, except those whose message is not posted yet."""
    return [job for job in alert.progress.running if job.missing and (job.ts or not job.number)]


def _ended(job: RunningJob, found: Job | None, now: float) -> Recovery:
    at = modified_at(found) if found else 0.0
    return Recovery("job", job.job_id, job.agent, at or now, now, found.status if found else "")


def _with_running(
    jobs: Sequence[RunningJob], period: Period, now: float, unread: int | None, alert: Alert
) -> Alert:
    return replace(alert, progress=after_running(alert.progress, jobs, period, now, unread))


def _with_own_query(alert: Alert) -> Alert:
    return replace(alert, progress=replace(alert.progress, is_cut=True))


def _by_running_query(alerts: Iterable[Alert]) -> Iterator[list[Alert]]:
    """Alerts that one query for stuck jobs can serve, except those for which it reads too many."""
    own, common = dict[tuple[Filters, float], list[Alert]](), list[Alert]()
    for alert in alerts:
        key = alert.filters, alert.condition.stuck
        (own.setdefault(key, []) if alert.progress.is_cut else common).append(alert)
    yield from (*alerts_by_query(common), *own.values())


def _with_silence(
    before: Silence, after: Silence, outcome: SilenceOutcome, now: float, alert: Alert
) -> Alert:
    """The alert after an answer, unless another worker was faster."""
    progress = alert.progress
    if progress.silence != before:
        return alert
    changed, number = replace(progress, silence=after), progress.number + 1
    if outcome == "begun":
        weeks = after.weeks
        new = ConditionReport(number, now, (), after.latest_at, sum(weeks), len(weeks))
        changed = changed.with_report(new)
    if outcome == "skipped":
        since = max(before.latest_at, before.compared_until)
        changed = changed.with_report(ConditionReport(number, now, (), since))
    return replace(alert, progress=changed)


def _after_recovery(now: float, alert: Alert) -> Alert:
    return replace(alert, progress=replace(alert.progress, recovery_asked_at=now))


def _failed(now: float, posts: Sequence[PostedAlert], responses: AlertResponses) -> Failed:
    """The agents of messages that are open or claimed, and that haven't recovered."""
    found = list[tuple[str, FailedAgent]]()
    for post in kept_posts(posts, now, responses):
        response = responses.of(post.ts)
        recovered = {one.id for one in response.recoveries}
        if response.state != "resolved":
            found += ((post.ts, one) for one in post.failed if one.agent_id not in recovered)
    return found


def _successes(alert: Alert, failed: Failed) -> Filters:
    """The successful jobs of failed agents, among those that the alert watches."""
    agents = tuple(sorted({agent.agent_id for _, agent in failed}))
    named = replace(alert.filters, agents=agents, agent_names=())
    return replace(named, statuses=(SUCCEEDED,), words=(), raw_q="")


def known_weeks(condition: Condition, silence: Silence) -> list[Period]:
    """The period before `silence.until` in the last four weeks, as far as there were jobs then.

    It has the same local time, whatever the clock changes.
    """
    until = datetime.fromtimestamp(silence.until, ZoneInfo(condition.zone))
    ends = ((until - WEEK * (back + 1)).timestamp() for back in range(COMPARED_WEEKS))
    return [
        (end - condition.silent, end)
        for end in ends
        if silence.until and silence.first_at and silence.first_at <= end - condition.silent
    ]


def silence_active_from(alert: Alert) -> float:
    """When two weeks are known, so that silences can be reported; 0 if there was no job yet."""
    first_at = alert.progress.silence.first_at
    known = first_at + MIN_KNOWN_WEEKS * WEEK.total_seconds() + alert.condition.silent
    return known if first_at else 0.0


def reports_changes(alert: Alert) -> bool:
    """Whether an alert reports changes of jobs, one by one or as a burst."""
    return alert.condition.kind in ("", "burst")
