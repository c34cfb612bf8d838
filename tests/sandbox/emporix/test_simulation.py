"""Jobs end and new ones start, slowly and reproducibly."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from sandbox.emporix.json_paths import Document
from sandbox.emporix.simulation import PAUSE_SECONDS, QUIET_AGENT, RUN_SECONDS, WATCHED_SECONDS
from sandbox.emporix.state import EmporixState
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock


def living(seconds: float, step: float = 5.0) -> tuple[EmporixState, list[Document]]:
    """Return the state after `seconds` of simulation, and the jobs that were running at first."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    running = [job for job in emporix_state.jobs("acme") if job.get("status") == "in_progress"]
    emporix_state.start_simulation()
    end = clock() + seconds
    while clock() < end:
        clock.forward(step)
        emporix_state.catch_up()
    return emporix_state, running


def test_a_running_job_ends_within_a_minute() -> None:
    """A running job ends within a minute."""
    emporix_state, running = living(RUN_SECONDS[1] + 5)
    now = {job["id"]: job for job in emporix_state.jobs("acme")}
    assert running
    for job in running:
        ended = now[job["id"]]
        assert ended["status"] != "in_progress"
        assert ended["metadata"]["modifiedAt"] > job["metadata"]["modifiedAt"]
        assert ended["metadata"]["createdAt"] == job["metadata"]["createdAt"]
        assert ended["metadata"]["version"] == 2
        assert ended["message"]


def test_new_ones_begin_and_fail_now_and_then() -> None:
    """A few new jobs start per minute, and some fail, so that alerts have content."""
    emporix_state, _ = living(1800)
    new = emporix_state.jobs("acme")[: len(emporix_state.jobs("acme")) - 5_000]
    assert 1800 / PAUSE_SECONDS[1] - 2 <= len(new) <= 1800 / PAUSE_SECONDS[0]
    assert Counter(job["status"] for job in new)["failure"] > 10


def test_some_jobs_run_for_minutes_and_an_agent_stops() -> None:
    """Alerts for stuck jobs and for silence have content: a slow job, and an agent without jobs."""
    emporix_state, _ = living(1800)
    new = emporix_state.jobs("acme")[: len(emporix_state.jobs("acme")) - 5_000]
    times = [
        [datetime.fromisoformat(job["metadata"][name]) for name in ("createdAt", "modifiedAt")]
        for job in new
    ]
    slow = [begin for begin, end in times if (end - begin).total_seconds() > 150]
    assert len(new) / 8 < len(slow) < len(new) / 4
    assert QUIET_AGENT not in {job.get("agentId") for job in new}
    assert sum(job.get("agentId") == QUIET_AGENT for job in emporix_state.jobs("acme")) > 300


def test_it_is_the_same_each_time() -> None:
    """The simulation doesn't depend on how often it is queried."""
    one, other = living(300, step=1.0)[0], living(300, step=60.0)[0]
    assert one.jobs("acme") == other.jobs("acme")
    assert one.jobs("globex") == other.jobs("globex")


def test_a_deleted_job_does_not_reappear() -> None:
    """A deleted running job doesn't reappear when it would have ended."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    emporix_state.start_simulation()
    running = [
        job["id"] for job in emporix_state.jobs("acme") if job.get("status") == "in_progress"
    ]
    for job_id in running:
        emporix_state.tenant("acme").jobs.remove(job_id)
    clock.forward(RUN_SECONDS[1] + 1)
    emporix_state.catch_up()
    assert not {job["id"] for job in emporix_state.jobs("acme")} & set(running)


def test_nothing_happens_unasked() -> None:
    """Nothing changes before the simulation starts, and a tenant without jobs gets none."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    before = emporix_state.jobs("acme")
    clock.forward(3600)
    emporix_state.catch_up()
    assert emporix_state.jobs("acme") == before
    emporix_state.start_simulation()
    clock.forward(3600)
    emporix_state.catch_up()
    assert emporix_state.jobs("initech") == []


@pytest.mark.parametrize(("days", "jobs"), [(1, 167), (14, 2_333), (30, 5_000), (400, 5_000)])
def test_a_leap_has_the_jobs_of_usual_days(days: int, jobs: int) -> None:
    """A skipped period of up to a month has the usual number of jobs, nearly all of them ended."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    emporix_state.start_simulation()
    clock.forward(days * 86400)
    emporix_state.catch_up()
    leapt = emporix_state.jobs("acme")[: len(emporix_state.jobs("acme")) - 5_000]
    assert len(leapt) == pytest.approx(jobs, rel=0.25)
    statuses = Counter(job["status"] for job in leapt)
    assert 0.07 < statuses["failure"] / len(leapt) < 0.25
    running = [job["metadata"]["createdAt"] for job in leapt if job["status"] == "in_progress"]
    assert all(created > iso(clock() - WATCHED_SECONDS) for created in running)


def test_a_leap_is_quiet_where_days_are() -> None:
    """A tenant with 57 jobs a month gets few or none for a skipped day."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    emporix_state.start_simulation()
    clock.forward(86400)
    emporix_state.catch_up()
    assert len(emporix_state.jobs("globex")) - 57 < 40


def test_jobs_continue_after_a_skipped_period() -> None:
    """After a skipped period, jobs start and end at the usual rate."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    emporix_state.start_simulation()
    clock.forward(86400)
    emporix_state.catch_up()
    before = len(emporix_state.jobs("acme"))
    for _ in range(60):
        clock.forward(30)
        emporix_state.catch_up()
    assert (
        1800 / PAUSE_SECONDS[1] - 2
        <= len(emporix_state.jobs("acme")) - before
        <= 1800 / PAUSE_SECONDS[0]
    )


def test_a_disabled_agent_starts_no_jobs() -> None:
    """An agent that is disabled starts no jobs, and starts them again once it is enabled."""
    clock = FakeClock()
    emporix_state = EmporixState.with_sample_data(clock)
    emporix_state.start_simulation()
    agents = [agent["id"] for agent in emporix_state.tenant("acme").agents.sorted(())]
    for agent_id in agents:
        emporix_state.change_agent("acme", agent_id, enabled=False)
    counts = []
    for enabled in (False, True):
        for agent_id in agents:
            emporix_state.change_agent("acme", agent_id, enabled=enabled)
        before = {job["id"] for job in emporix_state.jobs("acme")}
        for _ in range(120):
            clock.forward(5)
            emporix_state.catch_up()
        new = [job for job in emporix_state.jobs("acme") if job["id"] not in before]
        counts.append(sum(job.get("agentId") in agents for job in new))
    assert counts[0] == 0
    assert counts[1] > 5
