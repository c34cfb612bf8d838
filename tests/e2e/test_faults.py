"""Whatever fails at Emporix or Slack, users see the true result and nothing is done twice.

Each fault is combined with each user action and both transports, from the request to the resulting
message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.store.audit import AuditLog
from bot.store.connection import connect
from sandbox.emporix import faults as emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack import faults as slack
from sandbox.slack.directory import ADA, TEAM_ID
from sandbox.slack.person import Exchange
from tests.harness.app import TRANSPORTS, AppHarness, open_app, patient
from tests.harness.clock import FakeClock
from tests.harness.logs import log_to_stderr
from tests.listeners.jobs.fixtures import add_jobs, job_id

FORGOTTEN = ("*:audit", "*:deletion:*", "*:once:*")
"""Keys about the same job, left by the previous row of the table."""

JOBS = 5
PRESSED = job_id(5)  # the newest job, first in the list
SLOW_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class UserAction:
    """A user action after a command: the click, the request to Emporix, and the reply.

    With `in_place`, the reply replaces that of the command.
    """

    name: str
    does: Callable[[AppHarness], Awaitable[Exchange]]
    method: str
    done: str
    in_place: bool = False
    command: str = "/emporix jobs size:2"


ACTIONS = [
    UserAction(
        "list", lambda harness: harness.ada.command("/emporix jobs size:2"), "GET", "Jobs 1–2 of 5"
    ),
    UserAction(
        "turn", lambda harness: harness.ada.click("Next"), "GET", "Jobs 3–4 of 5", in_place=True
    ),
    UserAction(
        "get",
        lambda harness: harness.ada.command(f"/emporix jobs get {PRESSED}"),
        "GET",
        "❌ Failed · complaint-agent",
    ),
    UserAction(
        "delete",
        lambda harness: harness.ada.click("Delete"),
        "DELETE",
        ":wastebasket: Deleted job",
        in_place=True,
        command=f"/emporix jobs get {PRESSED}",
    ),
]
each_action = pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)

PROBLEM, UNREADABLE, PAUSE = "had a problem", "unreadable", "Too many requests"
BETWEEN = "A proxy or firewall answered instead"
FORBIDDEN = "doesn't let your API key do this"
LASTING = [
    (emporix.Fault("status", 9, status=500), PROBLEM),
    (emporix.Fault("status", 9, status=503), PROBLEM),
    (emporix.Fault("status", 9, status=403), FORBIDDEN),
    (emporix.Fault("html", 9), BETWEEN),
    (emporix.Fault("html", 9, status=403), BETWEEN),
    (emporix.Fault("status", 9, status=408), "can't handle this right now"),
    (emporix.Fault("empty", 9), UNREADABLE),
    (emporix.Fault("truncated", 9), UNREADABLE),
    (emporix.Fault("cut_before", 9), UNREADABLE),
    (emporix.Fault("cut_after", 9), UNREADABLE),
    (emporix.Fault("rate_limit", 9, retry_after=30), PAUSE),
    (emporix.Fault("quota_500", 9, retry_after=30), PAUSE),
]
PASSING = [
    emporix.Fault("delay", seconds=SLOW_SECONDS),
    emporix.Fault("status", status=503),
    emporix.Fault("html"),
    emporix.Fault("cut_before"),
    emporix.Fault("cut_after"),
    emporix.Fault("rate_limit", retry_after=0),
    emporix.Fault("quota_500", retry_after=0),
]
AT_SLACK = [
    slack.Fault("delay", seconds=SLOW_SECONDS),
    slack.Fault("status"),
    slack.Fault("html"),
    slack.Fault("html", status=200),
    slack.Fault("cut_before"),
    slack.Fault("cut_before", 2),
    slack.Fault("cut_after"),
    slack.Fault("rate_limit", retry_after=0),
    slack.Fault("rate_limit", 9, retry_after=600),
    slack.Fault("status", 9, status=503),
]


@pytest.fixture(scope="module", params=TRANSPORTS)
async def opened(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[AppHarness]:
    """One harness for the whole table and each transport; Ada is connected."""
    redis = connect(patient(redis_url))
    await redis.flushall()
    async with open_app(redis, redis_url, FakeClock(), transport=request.param) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        yield harness
    await redis.aclose()


@pytest.fixture
async def harness(opened: AppHarness, action: UserAction) -> AsyncIterator[AppHarness]:
    """Ada sees the first two of five jobs, or the first one, and none is deleted yet."""
    for job in opened.emporix_state.jobs("acme"):
        opened.emporix_state.tenant("acme").jobs.remove(job["id"])
    for key in [k for name in FORGOTTEN for k in await opened.redis.keys(name)]:
        await opened.redis.delete(key)
    opened.workspace.forget()
    add_jobs(opened, JOBS)
    await opened.ada.command(action.command)
    yield opened
    opened.emporix_state.faults.clear()
    opened.workspace.faults.clear()


async def shown(harness: AppHarness) -> list[str]:
    """Return all texts that Ada sees, including blocks."""
    return [f"{message['text']} {message['blocks']}" for message in await harness.ada.messages()]


async def recorded(harness: AppHarness) -> list[str]:
    entries = await AuditLog(harness.redis).latest(Caller(TEAM_ID, ADA.id), 10)
    assert {entry.subject for entry in entries} <= {PRESSED}
    return [entry.result for entry in entries]


def is_deleted(harness: AppHarness) -> bool:
    """Return whether the job is deleted, and assert that no other job is."""
    left = {job["id"] for job in harness.emporix_state.jobs("acme")}
    assert left | {PRESSED} == {job_id(number) for number in range(1, JOBS + 1)}
    return PRESSED not in left


def assert_clean(written: str) -> None:
    """Assert that the log has the fault, without a traceback, a secret or a response_url."""
    assert "Traceback" not in written
    assert '"exception"' not in written
    secrets = (ACME_OPERATIONS.client_secret, "Bearer", "xoxb-", "/commands/T", "/actions/T")
    assert [secret for secret in secrets if secret in written] == []


def named(fault: Any) -> str:
    return f"{fault.kind} {fault.status or fault.retry_after or ''} x{fault.times}"


@each_action
@pytest.mark.parametrize(("fault", "words"), LASTING, ids=lambda v: getattr(v, "kind", None))
async def test_a_permanent_fault_is_reported(
    harness: AppHarness,
    action: UserAction,
    fault: emporix.Fault,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A permanent fault is reported with its reason, and the list stays available.

    After a delete that was cut off, the app looks the job up and reports the true result.
    """
    harness.emporix_state.faults.add(replace(fault, path="/jobs", method=action.method))
    with log_to_stderr():
        exchange = await action.does(harness)
    assert exchange.ack_status == 200
    worked = action.name == "delete" and fault.kind in ("cut_after", "truncated")
    words = action.done if worked else words
    assert words in exchange.payloads[-1]["text"]
    reachable = ("Jobs 1–2 of 5", "Try again", f"Job `{PRESSED}`", action.done)
    assert any(way in text for text in await shown(harness) for way in reachable)
    assert_clean(capsys.readouterr().err)
    if action.name == "delete":
        (result,) = await recorded(harness)
        assert (result == "deleted") == is_deleted(harness) == worked
        assert result != "already_gone"


@each_action
@pytest.mark.parametrize("fault", PASSING, ids=named)
async def test_a_temporary_fault_is_retried(
    harness: AppHarness,
    action: UserAction,
    fault: emporix.Fault,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A failed response is retried and a slow one awaited, and nothing is done twice."""
    harness.emporix_state.faults.add(replace(fault, path="/jobs", method=action.method))
    with log_to_stderr():
        exchange = await action.does(harness)
    assert exchange.payloads[-1]["text"].startswith(action.done)
    assert_clean(capsys.readouterr().err)
    assert is_deleted(harness) is (action.name == "delete")
    assert await recorded(harness) == (["deleted"] if action.name == "delete" else [])


@each_action
@pytest.mark.parametrize("fault", AT_SLACK, ids=named)
async def test_a_reply_arrives_despite_a_fault_of_slack(
    harness: AppHarness, action: UserAction, fault: slack.Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reply arrives despite a fault of Slack, and its work is done once."""
    harness.workspace.faults.add(replace(fault, method="response_url"))
    with log_to_stderr():
        await action.does(harness)
    texts = await shown(harness)
    assert any(text.startswith(action.done) for text in texts)
    if action.in_place and fault.times < 9:
        assert len(texts) == 1
    assert_clean(capsys.readouterr().err)
    assert is_deleted(harness) is (action.name == "delete")
    assert await recorded(harness) == (["deleted"] if action.name == "delete" else [])
