"""The task runner injects parameters and handles failures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.errors import EmporixTimeout, RetryLater, StoreUnavailable
from bot.rendering.renderer import Renderer
from bot.scheduler.runner import (
    LONG_DELAY_SECONDS,
    MAX_TASK_ATTEMPTS,
    Delays,
    TaskRunner,
    backoff_seconds,
)
from bot.scheduler.tasks import TaskContext, TaskRegistry, periodic, task
from bot.slack.error_handler import ErrorHandler
from bot.slack.posting.notifier import DirectMessages
from bot.store.accounts import StoppedTeams
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness

ADAS = Caller(TEAM_ID, ADA.id)
SEEN: list[object] = []


@periodic(1)
async def look(now: float) -> None:
    SEEN.append(now)


@periodic(1)
async def stumble(now: float) -> None:
    raise ZeroDivisionError


@task
async def greet(name: str, greeting: str) -> None:
    SEEN.append(f"{greeting} {name}")


@task
async def wait() -> None:
    raise RetryLater(7, "a pause")


@task
async def fail(context: TaskContext, owned: bool) -> None:
    if owned:
        context.owner, context.subject = ADAS, "the digest “Morning”"
    raise EmporixTimeout(tenant="acme")


@task
async def wait_for(reason: str) -> None:
    raise RetryLater(7, reason)


@task
async def end_badly(context: TaskContext, ends: bool) -> None:
    async def otherwise() -> None:
        if not ends:
            raise StoreUnavailable("OOM")

    context.on_give_up = otherwise
    raise EmporixTimeout(tenant="acme")


@task
async def store() -> None:
    raise StoreUnavailable("OOM")


@task
async def break_down(context: TaskContext) -> None:
    context.owner, context.subject = ADAS, "the digest “Morning”"
    raise ZeroDivisionError("secret words")


@pytest.fixture
def runner(harness: AppHarness) -> TaskRunner:
    SEEN.clear()
    client = AsyncWebClient(token=harness.workspace.bot_token, base_url=f"{harness.slack_url}/api/")
    calls = TaskRegistry([look, stumble, greet, wait, wait_for, fail, end_badly, store, break_down])
    renderer = Renderer.default()
    return TaskRunner(
        calls,
        SimpleNamespace(greeting="Hello"),
        ErrorHandler(renderer),
        DirectMessages(renderer, client),
        harness.clock,
        StoppedTeams(harness.redis),
    )


async def told(harness: AppHarness) -> list[str]:
    """Ada's direct messages."""
    return [message["text"] for message in await harness.person("ada", "dm").messages()]


async def test_injects_arguments_and_services(runner: TaskRunner) -> None:
    """A task gets its queued arguments and services."""
    await runner.run_queued("test_runner.greet", 0, {"name": "Ada"})
    assert SEEN == ["Hello Ada"]


async def test_periodic_tasks_get_the_time(runner: TaskRunner, harness: AppHarness) -> None:
    """The clock is the given one."""
    await runner.run_periodic(look)
    assert [harness.clock()] == SEEN


async def test_outlives_a_tick(runner: TaskRunner, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of periodic tasks are logged."""
    await runner.run_periodic(stumble)
    assert "test_runner.stumble failed: ZeroDivisionError" in caplog.text


async def test_waiting_does_not_count_as_a_failure(runner: TaskRunner) -> None:
    """Waiting doesn't change the number of failures."""
    with pytest.raises(RetryLater) as later:
        await runner.run_queued("test_runner.wait", 3, {})
    assert (later.value.seconds, later.value.failures) == (7, 3)


async def test_tries_again_after_growing_pauses(runner: TaskRunner) -> None:
    """A failed task is retried with growing pauses, for about three minutes."""
    pauses = []
    for failures in range(MAX_TASK_ATTEMPTS - 1):
        with pytest.raises(RetryLater) as later:
            await runner.run_queued("test_runner.fail", failures, {"owned": True})
        assert later.value.failures == failures + 1
        pauses.append(later.value.seconds)
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1] < pauses[-1]
    assert 150 < sum(pauses) < 250


async def test_notifies_the_owner_after_the_last_attempt(
    runner: TaskRunner, harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After the last attempt, the owner gets a message with the error and the subject."""
    await runner.run_queued("test_runner.fail", MAX_TASK_ATTEMPTS - 1, {"owned": True})
    (message,) = await harness.person("ada", "dm").messages()
    assert message["blocks"] == snapshot


async def test_an_unknown_error_has_a_reference(
    runner: TaskRunner, harness: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """The message about an unexpected error has no details; the log has them."""
    await runner.run_queued("test_runner.break_down", MAX_TASK_ATTEMPTS - 1, {})
    (text,) = await told(harness)
    assert "secret words" not in text
    assert "ZeroDivisionError" in caplog.text


async def test_a_task_without_an_owner_sends_no_message(
    runner: TaskRunner, harness: AppHarness
) -> None:
    """A task without an owner is given up without a message."""
    await runner.run_queued("test_runner.fail", MAX_TASK_ATTEMPTS - 1, {"owned": False})
    assert await told(harness) == []


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


async def until_it_ends(runner: TaskRunner, name: str, **arguments: object) -> int:
    """The number of runs of a task that waits as it asks."""
    failures = 0
    for runs in range(1, 1000):
        try:
            await runner.run_queued(name, failures, arguments)
        except RetryLater as later:
            failures = later.failures
        else:
            return runs
    raise AssertionError("it finds no end")


async def test_logs_that_a_task_is_given_up(
    runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that is given up is logged once, as an error."""
    assert await until_it_ends(runner, "test_runner.end_badly", ends=True) == MAX_TASK_ATTEMPTS
    errors = [line for level, line in lines(caplog) if level == "ERROR"]
    assert errors == [
        f"test_runner.end_badly was given up after {MAX_TASK_ATTEMPTS} attempts: emporix_timeout"
    ]


async def test_an_end_that_fails_is_not_tried_for_ever(
    runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """Reporting a failure is retried a limited number of times, and each attempt is logged."""
    runs = await until_it_ends(runner, "test_runner.end_badly", ends=False)
    assert MAX_TASK_ATTEMPTS < runs <= 3 * MAX_TASK_ATTEMPTS
    errors = [line for level, line in lines(caplog) if level == "ERROR"]
    assert errors[-1].startswith("test_runner.end_badly was given up after")
    assert set(errors[:-1]) == {
        "could not report the failure of test_runner.end_badly: StoreUnavailable"
    }


async def test_logs_each_reason_for_a_delay_once(
    runner: TaskRunner, harness: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A new reason for a delay is logged, and again as a warning after an hour."""
    caplog.set_level("INFO", "bot.scheduler")
    waits: Delays = {}
    for reason in ("Slack asks to wait", "another worker") * 20:
        with pytest.raises(RetryLater):
            await runner.run_queued("test_runner.wait_for", 0, {"reason": reason}, waits)
        harness.clock.forward(LONG_DELAY_SECONDS / 19)
    assert lines(caplog) == [
        ("INFO", "test_runner.wait_for is postponed: Slack asks to wait"),
        ("INFO", "test_runner.wait_for is postponed: another worker"),
        (
            "WARNING",
            "test_runner.wait_for has been postponed for 63 minutes: Slack asks to wait",
        ),
        ("WARNING", "test_runner.wait_for has been postponed for 63 minutes: another worker"),
    ]


async def test_a_redis_in_trouble_is_one_line(
    runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of Redis is one log line for all tasks."""
    for _ in range(3):
        with pytest.raises(RetryLater):
            await runner.run_queued("test_runner.store", 0, {})
    assert len(lines(caplog)) == 1


async def test_leaves_a_task_to_workers_of_another_version(
    runner: TaskRunner, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown task is postponed 11 times, which is logged once; then it is dropped."""
    waits: Delays = {}
    for failures in range(11):
        with pytest.raises(RetryLater) as later:
            await runner.run_queued("test_runner.gone", failures, {}, waits)
        assert later.value.failures == failures + 1
        assert 2 <= later.value.seconds <= 20
    assert "unknown task" not in caplog.text
    await runner.run_queued("test_runner.gone", 11, {}, waits)
    assert lines(caplog)[-1] == ("ERROR", "unknown task test_runner.gone")


def test_no_pause_keeps_a_task_long_after_the_trouble_is_over() -> None:
    """The pause between attempts never exceeds 20 s."""
    assert backoff_seconds(100) == 20
