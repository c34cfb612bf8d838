"""Attempts to run a job again: which of them may begin, and what can become of them."""

from __future__ import annotations

import pytest

from bot.domain.accounts import Caller
from bot.domain.jobs import Job
from bot.domain.runs import Run, RunState, can_run_again, next_run

ADA = Caller("T0ACME", "U0ADA")
FAILED_CHAT = Job(id="j1", status="failure", type="AGENT_CHAT", agent_id="a")


def run(state: RunState = "sending", attempt: int = 1, *, is_settled: bool = False) -> Run:
    return Run("acme", "j1", attempt, ADA, "s1", 100.0, state=state, is_settled=is_settled)


def test_the_next_attempt_begins_after_the_last_one_is_settled() -> None:
    """An attempt begins only if the last one is settled, and the user has seen it."""
    first, second = run(attempt=1), run(attempt=2)
    assert next_run(None, first) is first
    assert next_run(run(is_settled=True), second) is second
    for before in (run(), run("unknown"), run("started")):
        assert next_run(before, second) is before
    for seen in (run(attempt=1), run(attempt=3)):
        before = run(is_settled=True)
        assert next_run(before, seen) is before


@pytest.mark.parametrize(
    ("before", "possible"),
    [
        ("sending", {"unknown", "started", "refused"}),
        ("unknown", {"started", "refused", "not_found", "unchecked"}),
        ("started", set()),
        ("refused", set()),
        ("not_found", set()),
        ("unchecked", set()),
    ],
)
def test_states_change_in_one_direction(before: RunState, possible: set[str]) -> None:
    """What is known about an attempt is never replaced by less or by something else."""
    states: tuple[RunState, ...] = (
        *("sending", "unknown", "started"),
        *("refused", "not_found", "unchecked"),
    )
    for state in states:
        after = run(before).after(state, new_job_id="j2")
        assert (after.state == state) == (state in possible or state == before)
        assert after.new_job_id == ("j2" if state in possible else "")


def test_only_a_refusal_settles_an_attempt_by_itself() -> None:
    """After a refusal the next attempt can begin at once; a worker looks after the others."""
    assert run().after("refused").due_at(110.0) is None
    assert run().due_at(110.0) == 130.0
    assert run().after("unknown").due_at(110.0) == 110.0
    assert run().after("started").due_at(110.0) == 110.0


@pytest.mark.parametrize(
    ("job", "can"),
    [
        (FAILED_CHAT, True),
        (Job(id="j1", status="failure", agent_id="a"), True),
        (Job(id="j1", status="success", type="AGENT_CHAT", agent_id="a"), False),
        (Job(id="j1", status="in_progress", type="AGENT_CHAT", agent_id="a"), False),
        (Job(id="j1", status="failure", type="IMPORT", agent_id="a"), False),
        (Job(id="j1", status="failure", type="AGENT_CHAT"), False),
        (Job(status="failure", type="AGENT_CHAT", agent_id="a"), False),
    ],
)
def test_only_failed_chats_can_run_again(job: Job, can: bool) -> None:
    """A job needs an id and an agent, and must have failed."""
    assert can_run_again(job) is can
