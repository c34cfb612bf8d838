"""Reads a session's log. Logs may contain personal data, so they are never stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bot.domain.accounts import Account, require_connection
from bot.domain.jobs import LogLine, Session
from bot.emporix.client import EmporixClient
from bot.errors import NotFound

LOG_LINES_PER_PAGE = 40

WORST_FIRST = ("ERROR", "WARNING", "INFO")


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


class SessionLogs:
    """Reads the session logs in a user's tenants."""

    def __init__(self, emporix: EmporixClient) -> None:
        self._emporix = emporix

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
        counts=_severity_counts(session),
        lines=tuple(chosen[(page - 1) * LOG_LINES_PER_PAGE : page * LOG_LINES_PER_PAGE]),
        page=page,
        pages=pages,
        total=len(chosen),
    )


def _is_technical(line: LogLine) -> bool:
    return line.is_business is False


def _severity_counts(session: Session) -> tuple[SeverityCount, ...]:
    counted = Counter(line.severity for line in session.lines if line.severity)
    known = [severity for severity in WORST_FIRST if severity in counted]
    return tuple(
        SeverityCount(name, counted[name]) for name in dict.fromkeys([*known, *sorted(counted)])
    )
