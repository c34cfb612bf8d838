"""Reads the logs of sessions and of jobs. Logs may contain personal data, so none is stored.

Only error lines for channels are kept, in memory.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bot.domain.accounts import Account, Connection, require_connection
from bot.domain.jobs import FAILED, RUNNING, Job, LogLine, RequestLog, Session
from bot.domain.records import parse_time
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import BotError, EmporixError, NotFound
from bot.logs import without_secrets
from bot.services.concurrency import SingleFlight
from bot.services.similarity import COMPARED_LENGTH

logger = logging.getLogger(__name__)

LOG_LINES_PER_PAGE = 40

WORST_FIRST = ("ERROR", "WARNING", "INFO")
ERROR = WORST_FIRST[0]

JOB_LOG_TIMEOUT_SECONDS = 3.0
"""After this time, nothing is added to an opened job: the user has probably moved on."""

JOB_LOG_LINES = 5
"""Lines of the log below an opened job; the complete log has its own modal."""

MAX_REQUEST_ID_LENGTH, MAX_DURATION = 200, 10**12


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """The number of lines with a severity."""

    severity: str
    lines: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of a session's log, restricted to one `severity` unless that is "".

    `counts` has the number of lines of each severity, worst first; `technical` is the number of
    lines for engineers, which are left out if `hides_technical`. `total` is the number of lines on
    all `pages`. `page`, `first` and `last` count from 1. `request_ids` are those of the whole log.
    """

    session: Session
    tenant: str
    severity: str
    hides_technical: bool
    technical: int
    request_ids: tuple[str, ...]
    counts: tuple[SeverityCount, ...]
    lines: tuple[LogLine, ...]
    page: int
    pages: int
    total: int

    @property
    def first(self) -> int:
        return (self.page - 1) * LOG_LINES_PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class JobLog:
    """The first of the `total` lines about a job, errors first, then warnings.

    `counts` is as in LogPage. `seconds` is the duration, None if unknown. `is_of_session` means
    that the lines are those of the whole session, because the job's own are not known.
    """

    lines: tuple[LogLine, ...]
    counts: tuple[SeverityCount, ...]
    total: int
    seconds: float | None
    is_of_session: bool


class SessionLogs:
    """Reads the logs in a user's tenants."""

    def __init__(
        self, emporix: EmporixClient, *, job_timeout: float = JOB_LOG_TIMEOUT_SECONDS
    ) -> None:
        self._emporix, self._job_timeout = emporix, job_timeout

    async def read(
        self,
        account: Account,
        session_id: str,
        tenant: str,
        severity: str = "",
        page: int = 1,
        *,
        hides_technical: bool = False,
    ) -> LogPage:
        """Read a page of the log, or the last page if it has fewer pages.

        Raises NotFound with `resource` set to "session", NotConnected, StoreUnavailable and
        EmporixError.
        """
        connection = require_connection(account, tenant)
        try:
            session = await self._emporix.get_session(connection, session_id)
        except NotFound as error:
            error.resource = "session"
            raise
        return log_page(session, connection.tenant, severity, page, hides_technical=hides_technical)

    async def read_of_job(self, account: Account, tenant: str, job: Job) -> JobLog | None:
        """The most important lines about a job, for a modal that shows the job already.

        The session's log is used if the job has no log of its own. Returns None if the job is still
        running, and, instead of an error, if there is no log or reading it takes too long.
        """
        if job.status == RUNNING or not (job.request_id or job.session_id):
            return None
        try:
            async with asyncio.timeout(self._job_timeout):
                return await self._log_of(require_connection(account, tenant), job)
        except TimeoutError:
            logger.info("the log of a job is left out: reading it takes too long")
        except BotError as error:
            logger.info("the log of a job is left out: %s", error.template)
        return None

    async def _log_of(self, connection: Connection, job: Job) -> JobLog | None:
        try:
            log = await find_own_log(self._emporix, connection, job)
        except EmporixError as error:
            if not job.session_id:
                raise
            logger.info("the log of a session is read instead of a job's: %s", error.template)
            log = RequestLog()
        if log.lines or not job.session_id:
            return job_log(log)
        session = await self._emporix.get_session(connection, job.session_id)
        if own := own_lines(session.lines, job):
            return job_log(RequestLog(own, left_out=session.left_out))
        return job_log(RequestLog(session.lines, left_out=session.left_out), is_of_session=True)


def log_page(
    session: Session, tenant: str, severity: str, page: int, *, hides_technical: bool = False
) -> LogPage:
    """One page of a session's log."""
    chosen = [
        line
        for line in session.lines
        if severity in ("", line.severity) and not (hides_technical and _is_technical(line))
    ]
    pages = max(1, -(-len(chosen) // LOG_LINES_PER_PAGE))
    page = min(max(1, page), pages)
    return LogPage(
        session=session,
        tenant=tenant,
        severity=severity,
        hides_technical=hides_technical,
        technical=sum(map(_is_technical, session.lines)),
        request_ids=tuple(
            dict.fromkeys(line.request_id for line in session.lines if line.request_id)
        ),
        counts=_severity_counts(session.lines),
        lines=tuple(chosen[(page - 1) * LOG_LINES_PER_PAGE : page * LOG_LINES_PER_PAGE]),
        page=page,
        pages=pages,
        total=len(chosen),
    )


def _is_technical(line: LogLine) -> bool:
    return line.is_business is False


def _severity_counts(lines: Iterable[LogLine]) -> tuple[SeverityCount, ...]:
    counted = Counter(line.severity for line in lines if line.severity)
    known = [severity for severity in WORST_FIRST if severity in counted]
    return tuple(
        SeverityCount(name, counted[name]) for name in dict.fromkeys([*known, *sorted(counted)])
    )


async def find_own_log(emporix: EmporixClient, connection: Connection, job: Job) -> RequestLog:
    """The log of a job's own request; without lines if there is none. Raises EmporixError."""
    if not 0 < len(job.request_id) <= MAX_REQUEST_ID_LENGTH:
        return RequestLog()
    return await emporix.find_request_log(connection, job.request_id)


def own_lines(lines: Sequence[LogLine], job: Job) -> tuple[LogLine, ...]:
    """The lines about a job in its session's log: by request, or else by time."""
    by_request = tuple(
        line for line in lines if job.request_id and line.request_id == job.request_id
    )
    begun, ended = parse_time(job.created_at), parse_time(job.modified_at)
    if by_request or not begun or not ended:
        return by_request
    times = ((line, parse_time(line.timestamp)) for line in lines)
    return tuple(line for line, time in times if time and begun <= time <= ended)


def job_log(log: RequestLog, *, is_of_session: bool = False) -> JobLog | None:
    """The most important lines and the duration; None if there are no lines."""
    if not log.lines:
        return None
    places = {severity: place for place, severity in enumerate(WORST_FIRST)}
    ranked = sorted(log.lines, key=lambda line: places.get(line.severity, len(places)))
    return JobLog(
        lines=tuple(ranked[:JOB_LOG_LINES]),
        counts=_severity_counts(log.lines),
        total=len(log.lines) + log.left_out,
        seconds=None if is_of_session else duration_of(log),
        is_of_session=is_of_session,
    )


def duration_of(log: RequestLog) -> float | None:
    """The duration in seconds; None if it is unknown.

    Emporix: the specification says that a duration is in seconds, but its example doesn't fit the
    times of the lines. So the times decide whether it is in seconds or milliseconds, and if neither
    fits, the duration is the time from the first line to the last.
    """
    times = [time for line in log.lines if (time := parse_time(line.timestamp))]
    if len(times) < 2 or log.left_out:
        return None
    span = (max(times) - min(times)).total_seconds()
    duration = min(log.duration or 0, MAX_DURATION)  # a longer integer may not be a float
    given = () if log.duration is None else (float(duration), duration / 1000)
    return next((seconds for seconds in given if _is_close(seconds, span)), span)


def _is_close(seconds: float, span: float) -> bool:
    """Whether a duration fits the lines, of which the first and last are written within it."""
    return abs(seconds - span) <= max(1.0, span / 10)


MAX_ERROR_LINE_LENGTH = 150
MAX_WRAPPER_LENGTH = 40  # "Job ended with an error: …"
MAX_LOGS_PER_POST = 3
"""Logs to read for one message; lines that are known already don't count."""

ERROR_LINES_TIMEOUT_SECONDS = 2.0
"""How long a message waits for them; after that, it is posted without."""

MAX_CONCURRENT_LOGS = 20
ERROR_LINE_TTL_SECONDS, NO_LINE_TTL_SECONDS = 60 * 60.0, 60.0
_ADDRESS = re.compile(r"\S+@\S+")


class ErrorLines:
    """Finds the error lines of failed jobs, for messages in channels.

    Lines are cached in memory, so that a message that is updated or retried shows the same
    ones. No method raises an error: without a line, the message is posted as it is.
    """

    def __init__(
        self,
        emporix: EmporixClient,
        clock: Clock,
        *,
        timeout: float = ERROR_LINES_TIMEOUT_SECONDS,
    ) -> None:
        self._emporix, self._timeout = emporix, timeout
        self._limit = asyncio.Semaphore(MAX_CONCURRENT_LOGS)
        self._lines = SingleFlight[str](clock, _line_ttl, most=1_000)

    async def read(self, connection: Connection, jobs: Sequence[Job]) -> Mapping[str, str]:
        """The error lines by job id; of the jobs whose lines are unknown, only the first few."""
        keys = {
            job.id: (connection.tenant, connection.credentials.client_id, job.request_id)
            for job in jobs
            if job.status == FAILED and job.request_id
        }
        unknown = [
            job for job in jobs if job.id in keys and self._lines.cached(keys[job.id]) is None
        ]
        reading = [
            self._lines.start(keys[job.id], partial(self._read, connection, job))
            for job in unknown[:MAX_LOGS_PER_POST]
        ]
        if reading:
            _, late = await asyncio.wait(reading, timeout=self._timeout)
            if late:
                logger.info("%d error lines are left out: reading logs takes too long", len(late))
        found = {job_id: self._lines.cached(key) for job_id, key in keys.items()}
        return {job_id: line for job_id, line in found.items() if line}

    async def close(self) -> None:
        """Cancel all running reads."""
        await self._lines.close()

    async def _read(self, connection: Connection, job: Job) -> str:
        try:
            async with self._limit:
                return error_line(await find_own_log(self._emporix, connection, job), job)
        except BotError as error:
            logger.info("an error line is left out: %s", error.template)
            return ""


def error_line(log: RequestLog, job: Job) -> str:
    """The most likely cause in a job's log, without addresses and secrets; "" if there is none.

    It is the last technical error that says more than the job's message: an agent may have
    recovered from earlier ones. Lines that are not technical may be about customers.
    """
    said = _one_line((job.response or job.message)[:COMPARED_LENGTH])
    for line in reversed(log.lines):
        text = _one_line(line.message[:COMPARED_LENGTH])
        if line.severity == ERROR and _is_technical(line) and not _repeats(text, said):
            return _shorten(_ADDRESS.sub("…", without_secrets(text)))
    return ""


def _repeats(text: str, said: str) -> bool:
    """Whether a line says no more than the message, apart from a few words around it."""
    is_wrapped = said in text and len(text) <= len(said) + MAX_WRAPPER_LENGTH
    return text in said or (is_wrapped and bool(said))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shorten(text: str) -> str:
    most = MAX_ERROR_LINE_LENGTH
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _line_ttl(line: str) -> float:
    return ERROR_LINE_TTL_SECONDS if line else NO_LINE_TTL_SECONDS
