"""The timer of periodic tasks, and their names."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.scheduler.tasks import PeriodicTask, PeriodicTimer, periodic


async def nothing() -> None:
    """Do nothing."""


SECOND, MINUTE = periodic(1)(nothing), periodic(60)(nothing)


def names(ticks: PeriodicTimer, now: float) -> list[float]:
    return [tick.seconds for tick in ticks.due(now)]


def test_all_are_due_at_the_beginning() -> None:
    """All periodic tasks are due at the start."""
    assert names(PeriodicTimer([SECOND, MINUTE]), 1000) == [1, 60]


def test_each_task_has_its_own_interval() -> None:
    """A task is due again only after its interval."""
    ticks = PeriodicTimer([SECOND, MINUTE])
    assert [names(ticks, now) for now in (0, 0.5, 1, 59, 60)] == [[1, 60], [], [1], [1], [1, 60]]


def test_missed_runs_are_not_repeated() -> None:
    """After an hour's suspension each task is due once."""
    ticks = PeriodicTimer([SECOND, MINUTE])
    ticks.due(0)
    assert [names(ticks, 3600), names(ticks, 3600)] == [[1, 60], []]


@given(st.lists(st.floats(0, 3600), min_size=1, max_size=50))
def test_no_task_runs_more_often_than_its_interval(times: list[float]) -> None:
    """A task is never due more often than its interval allows."""
    ticks = PeriodicTimer([MINUTE])
    came = [now for now in sorted(times) if ticks.due(now)]
    assert all(later - sooner >= 60 for sooner, later in pairwise(came))
    assert came[0] == min(times)


def test_a_tick_is_named_by_its_file() -> None:
    """A task is named after its module and function."""
    assert isinstance(SECOND, PeriodicTask)
    assert SECOND.name == "test_tasks.nothing"
