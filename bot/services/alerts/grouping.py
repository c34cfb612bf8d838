"""Groups the changes of a batch into rows of a new post, other jobs, and repeats.

Also decides which alerts one query can serve.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain.alerts import Alert, AlertRow, ChangeBatch, PostedAlert
from bot.domain.conditions import JobChange
from bot.domain.filters import Filters
from bot.domain.jobs import FAILED, FailedAgent, Job, modified_at
from bot.domain.responses import RESPONSE_TTL_SECONDS, AlertResponses, MessageResponse
from bot.services.similarity import agent_label, are_similar_fingerprints, fingerprint

MAX_ALERT_ROWS = 5
"""Rows that a post shows; other jobs follow in its thread."""

MAX_ROW_AGENTS = 20
POSTED_ALERT_TTL_SECONDS = 24 * 60 * 60.0
"""How long a message that no one has claimed gets repeats; then a new message reports them."""

MAX_POSTED_ALERTS = 50  # messages


@dataclass(frozen=True, slots=True)
class Repeats:
    """Failures similar to those of an earlier post, newest first; `post` is its updated state."""

    post: PostedAlert
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """The posts for a batch: the `rows` of a new post, empty if all changes are repeats.

    `rest` are the ids of jobs that the post does not show.
    """

    rows: tuple[AlertRow, ...]
    rest: tuple[str, ...]
    repeats: tuple[Repeats, ...]


NO_RESPONSES = AlertResponses()


def group_changes(
    batch: ChangeBatch, posts: Sequence[PostedAlert], responses: AlertResponses = NO_RESPONSES
) -> AlertPlan:
    """Plan the posts for a batch: a failure repeats the latest post that shows a similar one.

    A summary after a long gap has no repeats; it is always a separate post.
    """
    known = [] if batch.since else list(open_posts(posts, batch.at, responses))
    fresh, repeats = [], dict[str, tuple[PostedAlert, list[str]]]()
    for change in batch.changes:
        post = next(
            (post for post in reversed(known) if matching_row(post, change) is not None), None
        )
        if post is None:
            fresh.append(change)
            continue
        counted, ids = repeats.get(post.ts, (post, []))
        repeats[post.ts] = _with_repeat(counted, change, batch.at), [change.job_id, *ids]
    rows = _rows(fresh, batch.at)
    shown = {row.job_id for row in rows[:MAX_ALERT_ROWS]}
    rest = [change.job_id for change in reversed(fresh) if change.job_id not in shown]
    return AlertPlan(
        rows,
        () if batch.since else tuple(rest),
        tuple(Repeats(post, tuple(ids)) for post, ids in repeats.values()),
    )


def without_snoozed(
    batch: ChangeBatch, responses: AlertResponses
) -> tuple[ChangeBatch, dict[str, Counter[str]]]:
    """A batch without the failures that are snoozed at its time, and their numbers.

    They are counted by message and fingerprint of each snooze. Later changes of snoozes don't
    count, so that the result is the same when the batch is posted again after a crash. A snooze
    that was reported without them doesn't hold them back: otherwise, nobody would see them.
    """
    snoozes = [
        (response.ts, snooze.fingerprint)
        for response in responses.messages
        for snooze in response.active_snoozes(batch.at)
        if not snooze.is_reported or snooze.batch >= batch.number
    ]
    kept, held = list[JobChange](), defaultdict[str, Counter[str]](Counter)
    for change in batch.changes:
        same = [one for one in snoozes if _are_same_kind(one[1], change.fingerprint)]
        for ts, kind in same:
            held[ts][kind] += 1
        if not same:
            kept.append(change)
    return replace(batch, changes=tuple(kept)), dict(held)


def snoozed_until(responses: AlertResponses, fingerprint: str, now: float) -> float:
    """When the last snooze of a kind of failure ends, from whatever message; 0 if there is none."""
    return max(
        (
            snooze.end
            for response in responses.messages
            for snooze in response.active_snoozes(now)
            if _are_same_kind(snooze.fingerprint, fingerprint)
        ),
        default=0.0,
    )


def _are_same_kind(one: str, other: str) -> bool:
    """Whether two failures have the same cause; jobs that didn't fail have no fingerprint."""
    return bool(one and other) and are_similar_fingerprints(one, other)


def open_posts(
    posts: Sequence[PostedAlert], now: float, responses: AlertResponses = NO_RESPONSES
) -> Sequence[PostedAlert]:
    """The posts that can still get repeats, oldest first.

    A claimed or resolved message gets them for a week after that, others for a day, also after a
    snooze. Later responses don't count, so that the plan for a batch is the same when it is posted
    again after a crash.
    """

    def is_open(post: PostedAlert) -> bool:
        then = responses.of(post.ts).as_of(now)
        lasts = POSTED_ALERT_TTL_SECONDS if then.state == "open" else RESPONSE_TTL_SECONDS
        return now - max(post.at, then.in_use_until) < lasts

    return [post for post in posts if is_open(post)][-MAX_POSTED_ALERTS:]


def kept_posts(
    posts: Sequence[PostedAlert], now: float, responses: AlertResponses = NO_RESPONSES
) -> Sequence[PostedAlert]:
    """The posts to store, oldest first: those with failures for a week after their last change.

    If there are too many, the oldest ones that no one has claimed are dropped.
    """

    def is_kept(post: PostedAlert) -> bool:
        lasts = RESPONSE_TTL_SECONDS if post.has_failures else POSTED_ALERT_TTL_SECONDS
        return now - max(post.at, responses.of(post.ts).in_use_until) < lasts

    kept = [post for post in posts if is_kept(post)]
    unclaimed = [post for post in kept if responses.of(post.ts).state != "claimed"]
    dropped = (unclaimed + kept)[: max(0, len(kept) - MAX_POSTED_ALERTS)]
    return [post for post in kept if post not in dropped]


def posts_after(
    posts: Sequence[PostedAlert],
    plan: AlertPlan,
    batch: ChangeBatch,
    post_id: str,
    responses: AlertResponses = NO_RESPONSES,
) -> tuple[PostedAlert, ...]:
    """The posts after a batch; `post_id` is the new post, "" if there is none."""
    changed = {repeats.post.ts: repeats.post for repeats in plan.repeats}
    known = [changed.get(post.ts, post) for post in posts]
    repeated = {job_id for repeats in plan.repeats for job_id in repeats.job_ids}
    fresh = [change for change in batch.changes if change.job_id not in repeated]
    made = PostedAlert(post_id, batch.at, plan.rows, batch.since, batch.more, can_be_claimed=True)
    new = [replace(made, failed=_failed((), fresh, batch.at))] if post_id and plan.rows else []
    return tuple(kept_posts([*known, *new], batch.at, responses))


def _rows(changes: Sequence[JobChange], at: float) -> tuple[AlertRow, ...]:
    """One row for each set of similar failures, with the newest; sorted by size, then newest."""
    rows: list[AlertRow] = []
    for change in reversed(changes):
        index = matching_row(PostedAlert("", at, tuple(rows)), change)
        if index is None:
            rows.append(AlertRow(change.job_id, change.fingerprint, 1, at, {change.agent: 1}))
        else:
            rows[index] = _with_job(rows[index], change, at)
    return tuple(sorted(rows, key=lambda row: row.count, reverse=True))


def _with_job(row: AlertRow, change: JobChange, at: float) -> AlertRow:
    """Add a job to a row; jobs of agents beyond MAX_ROW_AGENTS are counted under ""."""
    agents = dict(row.agents)
    known = change.agent in agents or len(agents) < MAX_ROW_AGENTS
    agent = change.agent if known else ""
    agents[agent] = agents.get(agent, 0) + 1
    return replace(row, count=row.count + 1, last_at=at, agents=agents)


def matching_row(post: PostedAlert, change: JobChange) -> int | None:
    """The index of the row with similar failures; None also for jobs that did not fail."""
    similar = (
        index
        for index, row in enumerate(post.rows)
        if _are_same_kind(row.fingerprint, change.fingerprint)
    )
    return next(similar, None)


def post_of(
    job_id: str, job: Job | None, alert: Alert, posts: Sequence[PostedAlert]
) -> PostedAlert | None:
    """The message of an alert that reports a failed job; None if there is none, or it is uncertain.

    A row names only its first job. Another `job` of a row is found by its cause and time, except in
    the messages of bursts, searches and raw queries. `posts` are sorted by time.
    """
    first = [post for post in posts if any(row.job_id == job_id for row in post.rows)]
    is_searched = alert.filters.words or alert.filters.raw_q
    if first or job is None or alert.condition.kind or is_searched:
        return first[0] if first else None
    change = job_change(job)
    if change.at < alert.created_at or not matches(alert.filters, job):
        return None
    rows = ((post, matching_row(post, change)) for post in posts)
    found = (post for post, row in rows if row is not None and change.at <= post.rows[row].last_at)
    return next(found, None)


def _with_repeat(post: PostedAlert, change: JobChange, at: float) -> PostedAlert:
    index = matching_row(post, change)
    rows = [
        _with_job(row, change, at) if number == index else row
        for number, row in enumerate(post.rows)
    ]
    failed = _failed(post.failed, [change], at)
    return replace(post, rows=tuple(rows), can_be_claimed=True, failed=failed)


def _failed(
    known: Sequence[FailedAgent], changes: Iterable[JobChange], at: float
) -> tuple[FailedAgent, ...]:
    """The agents of failures, each with the latest one; `at` replaces an unknown time."""
    found = {one.agent_id: one for one in known}
    for change in changes:
        before = found.get(change.agent_id)
        failed_at = max(change.at or at, before.at if before else 0.0)
        if change.fingerprint and change.agent_id:
            found[change.agent_id] = FailedAgent(change.agent_id, change.agent, failed_at)
    return tuple(sorted(found.values(), key=lambda one: one.at)[-MAX_ROW_AGENTS:])


def open_since(post: PostedAlert, response: MessageResponse, now: float) -> float:
    """When a message was posted or last reopened, or a snooze of it ended."""
    over = (one.end for one in response.snoozes if one.end <= now)
    return max([post.at, response.at, *over])


def group_by_filters(alerts: Iterable[Alert]) -> dict[Filters, list[Alert]]:
    """Group alerts with equal filters."""
    found: dict[Filters, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.filters, []).append(alert)
    return found


MAX_COMMON_VALUES = 50
"""Values of a filter in a query for several alerts; with more, it reads all values."""


def alerts_by_query(alerts: Iterable[Alert]) -> Iterator[list[Alert]]:
    """Alerts that one query can serve: only Emporix can search texts."""
    found: dict[Filters | None, list[Alert]] = {}
    for alert in alerts:
        is_searched = alert.filters.words or alert.filters.raw_q
        found.setdefault(alert.filters if is_searched else None, []).append(alert)
    yield from found.values()


_FIELDS = {
    "statuses": "status",
    "types": "type",
    "agents": "agent_id",
    "agent_types": "agent_type",
    "events": "commerce_event",
    "sessions": "session_id",
}
"""The filters that can be compared with the fields of a job."""


def covering(filters: Sequence[Filters]) -> Filters:
    """Filters that find all jobs that match any of these, which have no words or raw query."""
    first, *others = filters
    if all(one == first for one in others):
        return first
    values: dict[str, tuple[str, ...]] = {}
    for name in _FIELDS:
        each = [getattr(one, name) for one in filters]
        united = tuple(sorted({value for one in each for value in one}))
        values[name] = united if all(each) and len(united) <= MAX_COMMON_VALUES else ()
    return Filters(tenant=first.tenant, **values)  # type: ignore[arg-type]


def matches(filters: Filters, job: Job) -> bool:
    """Whether a job that a query for several alerts has found is one of these filters.

    Words and raw queries are not compared.
    """
    for name, field in _FIELDS.items():
        values = {value.casefold() for value in getattr(filters, name)}
        if values and getattr(job, field).casefold() not in values:
            return False
    return True


def job_change(job: Job) -> JobChange:
    similar = fingerprint(job) if job.status == FAILED else ""
    return JobChange(job.id, similar, agent_label(job), job.agent_id, modified_at(job))
