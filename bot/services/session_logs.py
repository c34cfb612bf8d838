"""Reads the log of a session page by page. It may hold personal data, so it is never stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bot.domain.accounts import Account, require_connection
from bot.domain.jobs import LogLine, Session
from bot.emporix.client import EmporixClient
from bot.errors import NotFound

LOG_LINES_PER_PAGE = 20
"""On a page."""

WORST_FIRST = ("ERROR", "WARNING", "INFO")


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """How many lines of a severity there are."""

    severity: str
    lines: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the lines of one `severity`, of all lines where that is empty.

    `counts` says how many lines there are of each severity, the worst first; `total` how many of
    those shown, on all `pages` together. `page` counts from 1, `first` and `last` too.
    """

    session: Session
    tenant: str
    severity: str
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
    """The logs of a user's tenants."""

    def __init__(self, emporix: EmporixClient) -> None:
        self._emporix = emporix

    async def read(
        self, account: Account, session_id: str, tenant: str, severity: str = "", page: int = 1
    ) -> LogPage:
        """A page of the log as it is now; the last one where it is shorter.

        Raises NotFound, which says that it was about a session, NotConnected, StoreUnavailable and
        what Emporix raises.
        """
        connection = require_connection(account, tenant)
        try:
            session = await self._emporix.get_session(connection, session_id)
        except NotFound as error:
            error.resource = "session"
            raise
        return log_page(session, connection.tenant, severity, page)


def log_page(session: Session, tenant: str, severity: str, page: int) -> LogPage:
    """One page of a session's log."""
    chosen = [line for line in session.lines if severity in ("", line.severity)]
    pages = max(1, -(-len(chosen) // LOG_LINES_PER_PAGE))
    page = min(max(1, page), pages)
    return LogPage(
        session=session,
        tenant=tenant,
        severity=severity,
        counts=_severity_counts(session),
        lines=tuple(chosen[(page - 1) * LOG_LINES_PER_PAGE : page * LOG_LINES_PER_PAGE]),
        page=page,
        pages=pages,
        total=len(chosen),
    )


def _severity_counts(session: Session) -> tuple[SeverityCount, ...]:
    counted = Counter(line.severity for line in session.lines if line.severity)
    known = [severity for severity in WORST_FIRST if severity in counted]
    return tuple(
        SeverityCount(name, counted[name]) for name in dict.fromkeys([*known, *sorted(counted)])
    )
