"""Pages of a session's log."""

from __future__ import annotations

import pytest

from bot.domain.jobs import LogLine, Session
from bot.services.session_logs import LOG_LINES_PER_PAGE, LogPage, SeverityCount, log_page

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
