"""Whatever goes wrong at Emporix or at Slack: people are told the truth, and nothing is done twice.

Each fault meets each thing that people do, from the signed request to the message that they see.
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
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.logs import log_to_stderr
from tests.listeners.jobs.fixtures import add_jobs, job_id

FORGOTTEN = ("*:audit", "*:deletion:*", "*:once:*")
"""Keys that remember what was done to the same job in the row before."""

JOBS = 5
PRESSED = job_id(5)  # the newest: the first of the list
SLOW_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does after a command: how, by which call, and the text shown then.

    `in_place`: the answer replaces that of the command.
    """

    name: str
    does: Callable[[AppHarness], Awaitable[Exchange]]
    method: str
    done: str
    in_place: bool = False
    command: str = "/emporix jobs size:2"


DEEDS = [
    Deed(
        "list", lambda harness: harness.ada.command("/emporix jobs size:2"), "GET", "Jobs 1–2 of 5"
    ),
    Deed("turn", lambda harness: harness.ada.click("Next"), "GET", "Jobs 3–4 of 5", in_place=True),
    Deed("get", lambda harness: harness.ada.click("Open"), "GET", f"Job `{PRESSED}`"),
    Deed(
        "delete",
        lambda harness: harness.ada.click("Delete"),
        "DELETE",
        ":wastebasket: Deleted job",
        in_place=True,
        command=f"/emporix jobs get {PRESSED}",
    ),
]
each_deed = pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)

PROBLEM, UNREADABLE, PAUSE = "had a problem", "unreadable", "Too many requests"
BETWEEN = "Something between this app and Emporix answered instead"
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


@pytest.fixture(scope="module")
async def opened(redis_url: str) -> AsyncIterator[AppHarness]:
    """One harness for the whole table; Ada is connected."""
    redis = connect(redis_url)
    await redis.flushall()
    async with open_app(redis, redis_url, FakeClock()) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        yield harness
    await redis.aclose()


@pytest.fixture
async def harness(opened: AppHarness, deed: Deed) -> AsyncIterator[AppHarness]:
    """Ada looks at the first two of five jobs, or at the first; none has been deleted."""
    for job in opened.emporix_state.jobs("acme"):
        opened.emporix_state.tenant("acme").jobs.remove(job["id"])
    for key in [k for name in FORGOTTEN for k in await opened.redis.keys(name)]:
        await opened.redis.delete(key)
    opened.workspace.forget()
    add_jobs(opened, JOBS)
    await opened.ada.command(deed.command)
    yield opened
    opened.emporix_state.faults.clear()
    opened.workspace.faults.clear()


async def shown(harness: AppHarness) -> list[str]:
    """All that Ada reads now, blocks included."""
    return [f"{message['text']} {message['blocks']}" for message in await harness.ada.messages()]


async def recorded(harness: AppHarness) -> list[str]:
    entries = await AuditLog(harness.redis).latest(Caller(TEAM_ID, ADA.id), 10)
    assert {entry.subject for entry in entries} <= {PRESSED}
    return [entry.result for entry in entries]


def is_deleted(harness: AppHarness) -> bool:
    """Whether the job is gone; no other job may be."""
    left = {job["id"] for job in harness.emporix_state.jobs("acme")}
    assert left | {PRESSED} == {job_id(number) for number in range(1, JOBS + 1)}
    return PRESSED not in left


def assert_clean(written: str) -> None:
    """The log knows of it, without a traceback, a secret or a way to post as the bot."""
    assert "Traceback" not in written
    assert '"exception"' not in written
    secrets = (ACME_OPERATIONS.client_secret, "Bearer", "xoxb-", "/commands/T", "/actions/T")
    assert [secret for secret in secrets if secret in written] == []


def named(fault: Any) -> str:
    return f"{fault.kind} {fault.status or fault.retry_after or ''} x{fault.times}"


@each_deed
@pytest.mark.parametrize(("fault", "words"), LASTING, ids=lambda v: getattr(v, "kind", None))
async def test_a_lasting_fault_is_told(
    harness: AppHarness,
    deed: Deed,
    fault: emporix.Fault,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What Emporix does not do is said with its reason, and the list is still within reach.

    A delete that is cut off is looked up: it worked, and that is what is said.
    """
    harness.emporix_state.faults.add(replace(fault, path="/jobs", method=deed.method))
    with log_to_stderr():
        exchange = await deed.does(harness)
    assert exchange.ack_status == 200
    worked = deed.name == "delete" and fault.kind in ("cut_after", "truncated")
    words = deed.done if worked else words
    assert words in exchange.payloads[-1]["text"]
    reachable = ("Jobs 1–2 of 5", "Try again", f"Job `{PRESSED}`", deed.done)
    assert any(way in text for text in await shown(harness) for way in reachable)
    assert_clean(capsys.readouterr().err)
    if deed.name == "delete":
        (result,) = await recorded(harness)
        assert (result == "deleted") == is_deleted(harness) == worked
        assert result != "already_gone"


@each_deed
@pytest.mark.parametrize("fault", PASSING, ids=named)
async def test_a_passing_fault_is_got_over(
    harness: AppHarness, deed: Deed, fault: emporix.Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    """One failed answer is asked for again, a slow one waited for; nothing is done twice."""
    harness.emporix_state.faults.add(replace(fault, path="/jobs", method=deed.method))
    with log_to_stderr():
        exchange = await deed.does(harness)
    assert exchange.payloads[-1]["text"].startswith(deed.done)
    assert_clean(capsys.readouterr().err)
    assert is_deleted(harness) is (deed.name == "delete")
    assert await recorded(harness) == (["deleted"] if deed.name == "delete" else [])


@each_deed
@pytest.mark.parametrize("fault", AT_SLACK, ids=named)
async def test_an_answer_gets_past_slacks_trouble(
    harness: AppHarness, deed: Deed, fault: slack.Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is read in one way or another, and its work is done once."""
    harness.workspace.faults.add(replace(fault, method="response_url"))
    with log_to_stderr():
        await deed.does(harness)
    texts = await shown(harness)
    assert any(text.startswith(deed.done) for text in texts)
    if deed.in_place and fault.times < 9:
        assert len(texts) == 1
    assert_clean(capsys.readouterr().err)
    assert is_deleted(harness) is (deed.name == "delete")
    assert await recorded(harness) == (["deleted"] if deed.name == "delete" else [])
