"""Pages of a session's log, the lines about a job, and the error lines for channels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Account, Connection
from bot.domain.jobs import Job, LogLine, RequestLog, Session
from bot.errors import BotError, EmporixFailed, Forbidden, NotFound
from bot.services.session_logs import (
    LOG_LINES_PER_PAGE,
    MAX_LOGS_PER_POST,
    ErrorLines,
    JobLog,
    LogPage,
    SessionLogs,
    SeverityCount,
    duration_of,
    error_line,
    job_log,
    log_page,
    own_lines,
)
from tests.harness.clock import FakeClock
from tests.store.fixtures import ADA, connection

SEVERITIES = ("INFO", "INFO", "TRACE", "ERROR", "")


def session(lines: int) -> Session:
    """Lines numbered from 0, with each severity in turn."""
    made = [LogLine(severity=SEVERITIES[n % 5], message=str(n)) for n in range(lines)]
    return Session("s", "INFO", (), tuple(made), None)


def messages(page: LogPage) -> list[int]:
    return [int(line.message) for line in page.lines]


def test_counts_the_worst_first() -> None:
    """Unknown severities follow the known ones; lines without a severity are not counted."""
    page = log_page(session(10), "acme", "", 1)
    assert page.counts == (
        SeverityCount("ERROR", 2),
        SeverityCount("INFO", 4),
        SeverityCount("TRACE", 2),
    )


@pytest.mark.parametrize(
    ("asked", "page", "first", "last"),
    [(1, 1, 1, 40), (2, 2, 41, 80), (3, 3, 81, 85), (9, 3, 81, 85), (0, 1, 1, 40)],
)
def test_a_page_beyond_the_end_is_the_last_one(
    asked: int, page: int, first: int, last: int
) -> None:
    """If a page does not exist any more, the last page is shown."""
    shown = log_page(session(2 * LOG_LINES_PER_PAGE + 5), "acme", "", asked)
    assert (shown.page, shown.pages, shown.total) == (page, 3, 85)
    assert (shown.first, shown.last) == (first, last)
    assert messages(shown) == list(range(first - 1, last))


def test_shows_one_severity() -> None:
    """A page with one severity still counts the others."""
    shown = log_page(session(300), "acme", "ERROR", 2)
    assert messages(shown) == list(range(203, 300, 5))
    assert (shown.total, shown.pages) == (60, 2)
    assert SeverityCount("INFO", 120) in shown.counts


def test_leaves_out_technical_lines() -> None:
    """Hidden lines are counted; a line that Emporix does not classify stays."""
    lines = tuple(
        LogLine(message=str(n), request_id=f"req-{n // 2}", is_business=(True, False, None)[n % 3])
        for n in range(6)
    )
    shown = log_page(Session("s", "", (), lines, None), "acme", "", 1, hides_technical=True)
    assert messages(shown) == [0, 2, 3, 5]
    assert (shown.total, shown.technical) == (4, 2)
    assert shown.request_ids == ("req-0", "req-1", "req-2")


def test_an_empty_log_has_one_page() -> None:
    """An empty log has one page without lines."""
    shown = log_page(session(0), "acme", "ERROR", 7)
    assert (shown.page, shown.pages, shown.total, shown.lines) == (1, 1, 0, ())


def at(second: float, **more: Any) -> LogLine:
    """A line written at a second of a minute."""
    return LogLine(timestamp=f"2026-11-20T10:30:{second:06.3f}Z", **more)


ENDED = Job(
    id="1",
    status="failure",
    request_id="req-1",
    session_id="s",
    created_at="2026-11-20T10:30:10Z",
    modified_at="2026-11-20T10:30:20Z",
)


@pytest.mark.parametrize(
    ("duration", "seconds", "expected"),
    [
        (47, (0, 46.5), 47),
        (46_500, (0, 46.5), 46.5),
        (45, (27.167, 28.234), pytest.approx(1.067)),
        (None, (1, 4), 3),
        (5, (1,), None),
        (0, (1, 1), 0),
        (10**400, (1, 4), 3),
    ],
)
def test_the_duration_fits_the_lines(
    duration: int | None, seconds: Sequence[float], expected: float | None
) -> None:
    """It is in seconds or milliseconds, whichever fits; else it is the time between the lines."""
    assert duration_of(RequestLog(tuple(map(at, seconds)), duration)) == expected


def test_an_incomplete_log_has_no_duration() -> None:
    """If the last lines were left out, the unit can't be checked."""
    assert duration_of(RequestLog((at(1), at(2)), 1, left_out=1)) is None


severities = st.lists(st.sampled_from(["ERROR", "WARNING", "INFO", "TRACE", ""]), max_size=30)


@given(severities)
def test_the_worst_lines_come_first(names: list[str]) -> None:
    """Of any log the first five lines are shown, worst first and then oldest; all are counted."""
    lines = tuple(at(place, severity=name) for place, name in enumerate(names))
    found = job_log(RequestLog(lines))
    if not lines:
        assert found is None
        return
    assert found is not None
    order = ["ERROR", "WARNING", "INFO"]
    ranks = [order.index(name) if name in order else 3 for name in names]
    best = sorted(range(len(lines)), key=lambda place: (ranks[place], place))
    assert found.lines == tuple(lines[place] for place in best[:5])
    assert found.total == len(lines)
    assert sum(count.lines for count in found.counts) == sum(map(bool, names))


def test_the_lines_of_a_job_in_its_session() -> None:
    """They have the job's request, or else a time at which the job ran."""
    lines = (at(5), at(12, request_id="req-2"), at(15, request_id="req-1"), LogLine(message="x"))
    assert own_lines(lines, ENDED) == lines[2:3]
    assert own_lines(lines[:2], ENDED) == lines[1:2]
    assert own_lines(lines[:1], ENDED) == ()
    assert own_lines(lines[1:2], Job(id="1", request_id="req-1")) == ()


TECHNICAL: dict[str, Any] = {"severity": "ERROR", "is_business": False}
LINES: dict[str, tuple[list[LogLine], str]] = {
    "the last technical error": (
        [
            at(1, message="502 Bad Gateway", **TECHNICAL),
            at(2, message="socket\n  timeout", **TECHNICAL),
            at(3, message="retrying", severity="WARNING", is_business=False),
        ],
        "socket timeout",
    ),
    "no business line": (
        [at(1, message="Ms Okafor complained", severity="ERROR", is_business=True)],
        "",
    ),
    "nor an unclassified one": ([at(1, message="Ms Okafor complained", severity="ERROR")], ""),
    "not what the job says": ([at(1, message="Order EON1 not found", **TECHNICAL)], ""),
    "nor with a few words around": (
        [at(1, message="Job ended: Order EON1 not found.", **TECHNICAL)],
        "",
    ),
    "without addresses": (
        [at(1, message="no mailbox <ada@acme.example>", **TECHNICAL)],
        "no mailbox …",
    ),
    "without secrets": (
        [at(1, message="401 for Bearer abc.def-ghi", **TECHNICAL)],
        "401 for [redacted]",
    ),
    "nothing": ([at(1, message="  ", **TECHNICAL)], ""),
}


@pytest.mark.parametrize(("lines", "expected"), LINES.values(), ids=LINES)
def test_the_error_line_of_a_job(lines: list[LogLine], expected: str) -> None:
    """It is the last technical error that says more than the job's message, if there is one."""
    job = Job(id="1", status="failure", response="Order EON1\nnot found")
    assert error_line(RequestLog(tuple(lines)), job) == expected


@given(st.text(max_size=1200))
def test_an_error_line_is_short(text: str) -> None:
    """Whatever the log says, the line has one row of at most 150 characters."""
    found = error_line(RequestLog((at(1, message=text, **TECHNICAL),)), Job(id="1"))
    assert len(found) <= 150
    assert "\n" not in found


@dataclass
class FakeLogs:
    """Emporix's logs by id; `error` is raised for requests, and `hangs` means no answer."""

    requests: dict[str, RequestLog] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    error: BotError | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    async def find_request_log(self, connection: Connection, request_id: str) -> RequestLog:
        self.asked.append(request_id)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.requests.get(request_id, RequestLog())

    async def get_session(self, connection: Connection, session_id: str) -> Session:
        self.asked.append(session_id)
        if session_id not in self.sessions:
            raise NotFound(tenant=connection.tenant)
        return self.sessions[session_id]


ACCOUNT = Account(ADA, {"acme": connection()})
OWN = RequestLog((at(11, message="own"), at(14, message="own")), 3)


def session_with(*lines: LogLine) -> dict[str, Session]:
    return {"s": Session("s", "", (), lines, 99)}


async def read(logs: FakeLogs, job: Job = ENDED, *, within: float = 5) -> JobLog | None:
    return await SessionLogs(cast("Any", logs), job_timeout=within).read_of_job(
        ACCOUNT, "acme", job
    )


async def test_reads_the_log_of_the_jobs_own_request() -> None:
    """One call is enough if the request has a log."""
    logs = FakeLogs({"req-1": OWN}, session_with(at(1)))
    found = await read(logs)
    assert found is not None
    assert (found.seconds, found.is_of_session, found.total) == (3, False, 2)
    assert logs.asked == ["req-1"]


@pytest.mark.parametrize("error", [None, Forbidden(tenant="acme"), EmporixFailed(tenant="acme")])
async def test_falls_back_to_the_session(error: BotError | None) -> None:
    """If the request has no log or it can't be read, the session has the lines of the job."""
    logs = FakeLogs({}, session_with(at(5), at(12, message="own")), error)
    found = await read(logs)
    assert found is not None
    assert [line.message for line in found.lines] == ["own"]
    assert not found.is_of_session


async def test_shows_the_session_if_nothing_else_is_known() -> None:
    """Lines that may belong to other jobs are marked, and have no duration."""
    logs = FakeLogs({}, session_with(at(1), at(2)))
    found = await read(logs, Job(id="1", status="failure", session_id="s"))
    assert found is not None
    assert (found.is_of_session, found.seconds) == (True, None)
    assert logs.asked == ["s"]


@pytest.mark.parametrize(
    "job",
    [Job(id="1", status="in_progress", request_id="req-1"), Job(id="1", status="failure")],
    ids=["running", "without ids"],
)
async def test_some_jobs_have_no_log(job: Job) -> None:
    """A running job and one without a request and a session are not looked up."""
    logs = FakeLogs({"req-1": OWN})
    assert await read(logs, job) is None
    assert logs.asked == []


@pytest.mark.parametrize(
    "logs",
    [
        FakeLogs(),
        FakeLogs(error=EmporixFailed(tenant="acme")),
        FakeLogs(sessions=session_with()),
        FakeLogs({"req-1": OWN}, hangs=True),
    ],
    ids=["gone", "failing", "empty", "too slow"],
)
async def test_a_log_that_can_not_be_read_adds_nothing(logs: FakeLogs) -> None:
    """Neither a missing, a failing, an empty nor a slow log is an error."""
    async with asyncio.timeout(5):
        assert await read(logs, within=0.05) is None


async def test_without_a_connection_nothing_is_read() -> None:
    """A connection that was removed meanwhile is no error, either."""
    logs = SessionLogs(cast("Any", FakeLogs({"req-1": OWN})))
    assert await logs.read_of_job(Account(ADA, {}), "acme", ENDED) is None


def failed(count: int) -> list[Job]:
    return [Job(id=f"job-{n}", status="failure", request_id=f"req-{n}") for n in range(count)]


def failing_logs(count: int) -> dict[str, RequestLog]:
    return {
        f"req-{n}": RequestLog((at(1, message=f"cause {n}", **TECHNICAL),)) for n in range(count)
    }


async def test_reads_a_limited_number_of_logs_and_keeps_their_lines(clock: FakeClock) -> None:
    """A message causes at most three calls, and shows the same lines when it is tried again."""
    logs = FakeLogs(failing_logs(5))
    lines = ErrorLines(cast("Any", logs), clock)
    first = await lines.read(connection(), failed(5))
    assert first == {f"job-{n}": f"cause {n}" for n in range(MAX_LOGS_PER_POST)}
    logs.error = EmporixFailed(tenant="acme")
    assert await lines.read(connection(), failed(MAX_LOGS_PER_POST)) == first
    assert len(logs.asked) == MAX_LOGS_PER_POST


@pytest.mark.parametrize(
    "logs",
    [
        FakeLogs(error=EmporixFailed(tenant="acme")),
        FakeLogs(error=Forbidden(tenant="acme")),
        FakeLogs(hangs=True),
    ],
    ids=["500", "403", "slow"],
)
async def test_a_log_never_delays_or_breaks_a_message(logs: FakeLogs, clock: FakeClock) -> None:
    """If logs fail or take long, the message has no lines; other jobs need none."""
    lines = ErrorLines(cast("Any", logs), clock, timeout=0.05)
    running = Job(id="2", status="in_progress", request_id="req-9")
    assert await lines.read(connection(), [*failed(1), running, Job(id="3")]) == {}
    assert logs.asked == ["req-0"]
    await lines.close()


async def test_a_late_line_appears_in_the_next_update(clock: FakeClock) -> None:
    """A read that took too long continues, and its line is known the next time."""
    logs, answer = FakeLogs(failing_logs(1)), asyncio.Event()
    find = logs.find_request_log

    async def slow(connection: Connection, request_id: str) -> RequestLog:
        await answer.wait()
        return await find(connection, request_id)

    logs.find_request_log = slow  # type: ignore[method-assign]
    lines = ErrorLines(cast("Any", logs), clock, timeout=0.05)
    assert await lines.read(connection(), failed(1)) == {}
    answer.set()
    assert await lines.read(connection(), failed(1)) == {"job-0": "cause 0"}
    assert logs.asked == ["req-0"]
