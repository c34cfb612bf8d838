"""What of a batch goes where: every change stands in one place, and repeats in their thread."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import ChangeBatch, JobChange, PostedAlert
from bot.domain.jobs import Job
from bot.services.alerts.grouping import (
    MAX_ALERT_ROWS,
    POSTED_ALERT_TTL_SECONDS,
    group_changes,
    open_posts,
    posts_after,
)
from bot.services.similarity import fingerprint

NOW = 1_795_430_000.0
MESSAGES = (
    "The order EON1031 could not be found.",
    "Tool call get_invoice timed out after 30 s; nobody was answered.",
    "The language model answered 429: quota exceeded.",
    "",
)


def failed(job_id: str, message: str = MESSAGES[0], agent: str = "complaint-agent") -> JobChange:
    return JobChange(job_id, fingerprint(Job(agent_id=agent, message=message)))


def batch(*changes: JobChange, number: int = 1, at: float = NOW, since: float = 0.0) -> ChangeBatch:
    return ChangeBatch(number, at, changes, since)


def told(
    first: ChangeBatch, ts: str = "1.0", posts: tuple[PostedAlert, ...] = ()
) -> tuple[PostedAlert, ...]:
    return posts_after(posts, group_changes(first, posts), first, ts)


def test_alike_failures_share_a_row() -> None:
    """The newest stands for all, the others go to the thread, newest first; most come first."""
    plan = group_changes(
        batch(failed("a", MESSAGES[1]), failed("b"), failed("c"), failed("d")), posts=()
    )
    assert [(row.job_id, row.count) for row in plan.rows] == [("d", 3), ("a", 1)]
    assert plan.rest == ("c", "b")


def test_other_jobs_are_like_none() -> None:
    """Two jobs that went well are two, even if they say the same."""
    plan = group_changes(batch(JobChange("a"), JobChange("b")), posts=())
    assert [(row.job_id, row.count) for row in plan.rows] == [("b", 1), ("a", 1)]


def test_a_repeat_goes_to_the_thread() -> None:
    """The message that told of it counts it, and no other is posted."""
    posts = told(batch(failed("a")))
    second = batch(failed("b"), failed("c"), number=2, at=NOW + 50)
    plan = group_changes(second, posts)
    assert (plan.rows, plan.rest) == ((), ())
    (repeats,) = plan.repeats
    assert (repeats.post.ts, repeats.job_ids) == ("1.0", ("c", "b"))
    (post,) = posts_after(posts, plan, second, "")
    assert [(row.job_id, row.count, row.last_at) for row in post.rows] == [("a", 3, NOW + 50)]


def test_a_failure_of_another_agent_is_no_repeat() -> None:
    """Even in the same words."""
    plan = group_changes(batch(failed("b", agent="fraud")), told(batch(failed("a"))))
    assert [row.job_id for row in plan.rows] == ["b"]


def test_a_repeat_after_23_hours_goes_to_the_thread() -> None:
    """What failed in the evening and fails again the next afternoon is one message."""
    second = batch(failed("b"), number=2, at=NOW + 23 * 3600)
    plan = group_changes(second, told(batch(failed("a"))))
    assert [repeats.job_ids for repeats in plan.repeats] == [("b",)]
    assert plan.rows == ()


def test_after_a_day_it_is_told_anew() -> None:
    """Nobody reads a thread of yesterday."""
    posts = told(batch(failed("a")))
    assert group_changes(batch(failed("b"), at=NOW + POSTED_ALERT_TTL_SECONDS), posts).repeats == ()


def test_what_sums_up_stands_alone() -> None:
    """One message after a long time, however many threads there are; none of them gets anything."""
    posts = told(batch(failed("a")))
    plan = group_changes(batch(failed("b"), failed("c"), since=NOW - 9_000), posts)
    assert [(row.job_id, row.count) for row in plan.rows] == [("c", 2)]
    assert (plan.rest, plan.repeats) == ((), ())


def test_remembers_a_bounded_number() -> None:
    """A channel with a failure of its own each minute keeps the latest."""
    posts: tuple[PostedAlert, ...] = ()
    for number in range(100):
        one = batch(JobChange(f"job-{number}"), number=number, at=NOW + number)
        posts = told(one, f"{number}.0", posts)
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
def test_every_change_stands_in_one_place(batches: list[list[JobChange]]) -> None:
    """In a row, in the thread below it, or in that of an earlier message; and all are counted."""
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
