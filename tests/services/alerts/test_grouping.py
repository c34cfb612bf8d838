"""Grouping the changes of a batch: each change is in one place, and repeats are in a thread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert, ChangeBatch, PostedAlert
from bot.domain.conditions import Condition, JobChange, Watermark
from bot.domain.filters import Filters
from bot.domain.jobs import Job, modified_at
from bot.domain.responses import AlertResponses, MessageResponse, ResponseEvent
from bot.services.alerts.grouping import (
    MAX_ALERT_ROWS,
    POSTED_ALERT_TTL_SECONDS,
    group_changes,
    job_change,
    open_posts,
    post_of,
    posts_after,
)
from bot.services.similarity import fingerprint
from sandbox.emporix.times import iso

NOW = 1_795_430_000.0
MESSAGES = (
    "The order EON1031 could not be found.",
    "Tool call get_invoice timed out after 30 s; nobody was answered.",
    "The language model answered 429: quota exceeded.",
    "",
)


def failed(job_id: str, message: str = MESSAGES[0], agent: str = "complaint-agent") -> JobChange:
    return JobChange(job_id, fingerprint(Job(agent_id=agent, message=message)), agent)


def batch(*changes: JobChange, number: int = 1, at: float = NOW, since: float = 0.0) -> ChangeBatch:
    return ChangeBatch(number, at, changes, since)


def posted(
    first: ChangeBatch, ts: str = "1.0", posts: tuple[PostedAlert, ...] = ()
) -> tuple[PostedAlert, ...]:
    return posts_after(posts, group_changes(first, posts), first, ts)


def test_similar_failures_share_a_row() -> None:
    """The newest represents the row, others go to the thread; rows are sorted by size."""
    plan = group_changes(
        batch(failed("a", MESSAGES[1]), failed("b"), failed("c"), failed("d")), posts=()
    )
    assert [(row.job_id, row.count) for row in plan.rows] == [("d", 3), ("a", 1)]
    assert plan.rest == ("c", "b")


def test_other_jobs_are_never_similar() -> None:
    """Two jobs that succeeded have two rows, even with equal messages."""
    plan = group_changes(batch(JobChange("a"), JobChange("b")), posts=())
    assert [(row.job_id, row.count) for row in plan.rows] == [("b", 1), ("a", 1)]


def test_a_repeat_goes_to_the_thread() -> None:
    """The earlier post counts the repeat, and there is no new post."""
    posts = posted(batch(failed("a")))
    second = batch(failed("b"), failed("c"), number=2, at=NOW + 50)
    plan = group_changes(second, posts)
    assert (plan.rows, plan.rest) == ((), ())
    (repeats,) = plan.repeats
    assert (repeats.post.ts, repeats.job_ids) == ("1.0", ("c", "b"))
    (post,) = posts_after(posts, plan, second, "")
    assert [(row.job_id, row.count, row.last_at) for row in post.rows] == [("a", 3, NOW + 50)]


def test_the_same_failure_of_another_agent_is_a_repeat() -> None:
    """One cause is one row, which counts the jobs of each agent."""
    posts = posted(batch(failed("a")))
    plan = group_changes(batch(failed("b", agent="fraud"), failed("c", agent="fraud")), posts)
    assert plan.rows == ()
    (repeats,) = plan.repeats
    assert [(row.count, row.agents) for row in repeats.post.rows] == [
        (3, {"complaint-agent": 1, "fraud": 2})
    ]


def test_a_row_names_a_bounded_number_of_agents() -> None:
    """Jobs of the 21st agent and later are counted without its name."""
    plan = group_changes(batch(*(failed(f"j{n}", agent=f"agent-{n}") for n in range(30))), ())
    (row,) = plan.rows
    assert (row.count, len(row.agents), row.agents[""]) == (30, 21, 10)


def test_a_repeat_after_23_hours_goes_to_the_thread() -> None:
    """Failures of the evening and of the next afternoon share a post."""
    second = batch(failed("b"), number=2, at=NOW + 23 * 3600)
    plan = group_changes(second, posted(batch(failed("a"))))
    assert [repeats.job_ids for repeats in plan.repeats] == [("b",)]
    assert plan.rows == ()


def test_after_a_day_there_is_a_new_post() -> None:
    """A failure more than a day after the post is posted again."""
    posts = posted(batch(failed("a")))
    assert group_changes(batch(failed("b"), at=NOW + POSTED_ALERT_TTL_SECONDS), posts).repeats == ()


DAY, WEEK = 24 * 60 * 60.0, 7 * 24 * 60 * 60.0


def responded(event: ResponseEvent, at: float, ts: str = "1.0") -> AlertResponses:
    return AlertResponses((MessageResponse(ts).after(event, "U0ADA", at),))


@pytest.mark.parametrize(("event", "lasts"), [("claim", WEEK), ("resolve", WEEK)])
def test_a_response_keeps_the_group_for_a_week(event: ResponseEvent, lasts: float) -> None:
    """Failures join a claimed or resolved message for a week after that, then get a new one."""
    posts, responses = posted(batch(failed("a"))), responded(event, NOW + DAY)
    for at, joins in ((NOW + DAY + lasts - 1, True), (NOW + DAY + lasts, False)):
        plan = group_changes(batch(failed("b"), at=at), posts, responses)
        assert bool(plan.repeats) is joins
        assert bool(plan.rows) is not joins


def test_a_reopened_message_gets_repeats_for_a_day() -> None:
    """A message that someone reopened gets repeats for another day."""
    posts = posted(batch(failed("a")))
    reopened = responded("claim", NOW + DAY).of("1.0").after("reopen", "U0ADA", NOW + 3 * DAY)
    responses = AlertResponses((reopened,))
    assert group_changes(batch(failed("b"), at=NOW + 4 * DAY - 1), posts, responses).repeats
    assert not group_changes(batch(failed("b"), at=NOW + 4 * DAY), posts, responses).repeats


def test_keeps_claimed_messages_of_a_busy_channel() -> None:
    """If there are too many messages, the oldest unclaimed ones are forgotten first."""
    posts, responses = posted(batch(failed("a"))), responded("claim", NOW)
    for number in range(2, 80):
        one = batch(JobChange(f"job-{number}"), at=NOW + number)
        plan = group_changes(one, posts, responses)
        posts = posts_after(posts, plan, one, f"{number}.0", responses)
    assert len(posts) == 50
    assert [posts[0].ts, posts[-1].ts] == ["1.0", "79.0"]


scripts = st.lists(
    st.tuples(st.sampled_from(["claim", "resolve", "reopen"]), st.floats(0, 10 * DAY)), max_size=8
)


@given(scripts, st.floats(0, 10 * DAY), scripts)
def test_later_responses_do_not_change_the_plan(
    script: list[tuple[ResponseEvent, float]], at: float, more: list[tuple[ResponseEvent, float]]
) -> None:
    """A batch that is posted again after a crash goes to the same places."""
    posts, response = posted(batch(failed("a"))), MessageResponse("1.0")
    for event, seconds in sorted(script, key=lambda one: one[1]):
        if seconds < at:
            response = response.after(event, "U0ADA", NOW + seconds)
    one = batch(failed("b"), number=2, at=NOW + at)
    plan = group_changes(one, posts, AlertResponses((response,)))
    for event, seconds in more:
        response = response.after(event, "U0GRACE", NOW + at + 1 + seconds)
    assert group_changes(one, posts, AlertResponses((response,))) == plan


def test_a_summary_has_no_repeats() -> None:
    """After a long gap there is one post, and no thread gets repeats."""
    posts = posted(batch(failed("a")))
    plan = group_changes(batch(failed("b"), failed("c"), since=NOW - 9_000), posts)
    assert [(row.job_id, row.count) for row in plan.rows] == [("c", 2)]
    assert (plan.rest, plan.repeats) == ((), ())


def test_remembers_a_limited_number_of_posts() -> None:
    """A channel with a new failure each minute remembers only the latest posts."""
    posts: tuple[PostedAlert, ...] = ()
    for number in range(100):
        one = batch(JobChange(f"job-{number}"), number=number, at=NOW + number)
        posts = posted(one, f"{number}.0", posts)
    assert len(posts) == len(open_posts(posts, NOW + 100)) == 50
    assert posts[-1].ts == "99.0"


changes = st.lists(
    st.builds(
        failed, st.uuids().map(str), st.sampled_from(MESSAGES), st.sampled_from(["one", "other"])
    )
    | st.uuids().map(str).map(JobChange),
    min_size=1,
    max_size=30,
)


@given(st.lists(changes, min_size=1, max_size=6))
def test_every_change_is_in_one_place(batches: list[list[JobChange]]) -> None:
    """Each change is in a row, in its thread or in an earlier thread, and all are counted."""
    posts: tuple[PostedAlert, ...] = ()
    for number, some in enumerate(batches):
        one = batch(*some, number=number, at=NOW + 50 * number)
        plan = group_changes(one, posts)
        places = [row.job_id for row in plan.rows[:MAX_ALERT_ROWS]]
        places += [*plan.rest, *(job_id for repeat in plan.repeats for job_id in repeat.job_ids)]
        assert sorted(places) == sorted(change.job_id for change in some)
        posts = posts_after(posts, plan, one, f"{number}.0")
    counted = sum(row.count for post in posts for row in post.rows)
    assert counted == sum(map(len, batches))


def alert(condition: Condition = Condition(), **filters: object) -> Alert:  # noqa: B008 - frozen
    watched = Filters(tenant="acme", statuses=("failure",), **filters)  # type: ignore[arg-type]
    owner = Caller("T0ACME", "U0ADA")
    return Alert("a1", owner, "C0OPS", watched, NOW, Watermark(NOW), NOW, condition=condition)


def failed_job(job_id: str, message: str, at: float, agent: str = "complaint-agent") -> Job:
    return Job(job_id, "failure", agent_id=agent, message=message, modified_at=iso(at))


POLLS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(MESSAGES), st.sampled_from(["a", "b"])), max_size=4),
        st.sampled_from([50.0, 3600.0, 23 * 3600.0, 25 * 3600.0]),
        st.booleans(),
    ),
    max_size=8,
)


@given(POLLS)
def test_the_message_of_each_failed_job_is_found(
    polls: list[tuple[list[tuple[str, str]], float, bool]],
) -> None:
    """Whether a job is the first of its row, another one or a repeat, its message is found."""
    at, posts, reported = NOW, tuple[PostedAlert, ...](), dict[str, tuple[Job, str]]()
    for number, (failures, pause, is_summary) in enumerate(polls):
        before, at = at, at + pause
        jobs = [
            failed_job(f"{number}-{place}", message, before + 1 + place, agent)
            for place, (message, agent) in enumerate(failures)
        ]
        since = before if is_summary else 0.0
        news = batch(*map(job_change, jobs), number=number, at=at, since=since)
        plan = group_changes(news, posts)
        reported |= {job.id: (job, f"{number}.0") for job in jobs}
        for repeats in plan.repeats:
            for job_id in repeats.job_ids:
                reported[job_id] = reported[job_id][0], repeats.post.ts
        posts = posts_after(posts, plan, news, f"{number}.0" if plan.rows else "")
    kept = {post.ts for post in posts}
    for job, ts in reported.values():
        if ts in kept:
            found = post_of(job.id, job, alert(), posts)
            assert found is not None
            assert found.ts == ts


def test_a_message_is_not_guessed() -> None:
    """A job that no message of the alert reports, or may not report, has no message."""
    first = failed_job("1", MESSAGES[0], NOW + 10)
    posts = posted(batch(job_change(first), at=NOW + 50))
    other = failed_job("2", MESSAGES[0], NOW + 20)
    assert post_of("2", other, alert(), posts) == posts[0]
    assert post_of("2", None, alert(), posts) is None
    for job in (
        failed_job("2", MESSAGES[1], NOW + 20),
        failed_job("2", MESSAGES[0], NOW - 1),
        failed_job("2", MESSAGES[0], NOW + 51),
    ):
        assert modified_at(job)
        assert post_of("2", job, alert(), posts) is None
    for one in (
        alert(agents=("fraud-agent",)),
        alert(words=("refund",)),
        alert(raw_q="type:EXPORT"),
        alert(Condition(at_least=5, within=600)),
    ):
        assert post_of("2", other, one, posts) is None
        assert post_of("1", first, one, posts) == posts[0]
