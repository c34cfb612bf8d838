"""Logs of sessions as Emporix may send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import LogLine
from bot.emporix.models import parse_session

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
LINE_FIELDS = ("timestamp", "severity", "message", "agentId", "requestId", "isBusinessLog")
LINES = st.lists(st.dictionaries(st.sampled_from(LINE_FIELDS), JSON) | JSON)


def test_documented() -> None:
    """The sample of the specification, with its lines."""
    line = {
        "timestamp": "2025-01-15T10:30:28.234Z",
        "severity": "INFO",
        "message": "Retrieved order details successfully",
        "agentId": "complaint-agent",
        "requestId": "req-1",
        "isBusinessLog": True,
    }
    session = parse_session(
        {
            "sessionId": "sess-1",
            "severity": "info",
            "agents": ["complaint-agent"],
            "messages": [line],
            "duration": 120,
        }
    )
    assert (session.id, session.severity, session.seconds) == ("sess-1", "INFO", 120)
    assert session.agents == ("complaint-agent",)
    assert session.lines == (LogLine(*line.values()),)  # type: ignore[arg-type]


def test_lines_come_in_the_order_of_their_times() -> None:
    """However the times are written; a line without one stays behind the one before it."""
    stamps = ("2025-01-15T10:30:30Z", "", "2025-01-15T11:30:29+01:00", "2025-01-15T10:30:28.5Z")
    lines = [{"timestamp": stamp, "message": str(n)} for n, stamp in enumerate(stamps)]
    session = parse_session({"messages": lines})
    assert [line.message for line in session.lines] == ["3", "2", "0", "1"]


@given(st.fixed_dictionaries({}, optional={"messages": LINES, "agents": JSON, "duration": JSON}))
def test_any_object_is_a_session(value: dict[str, object]) -> None:
    """Any field may be missing, null or of another type, and no line is lost."""
    session = parse_session(value)
    listed = value.get("messages", [])
    assert isinstance(listed, list)
    assert len(session.lines) == len(listed)
    assert all(isinstance(line.message, str) for line in session.lines)


@pytest.mark.parametrize("value", [None, [], "log", 7])
def test_no_session(value: object) -> None:
    """Only an object is a session."""
    with pytest.raises(ValueError, match="JSON object"):
        parse_session(value)


def test_repr_is_discreet() -> None:
    """A line of a log does not show a customer's name in another log."""
    session = parse_session({"messages": [{"message": "Ms Okafor"}]})
    assert "Okafor" not in repr(session)


def test_keeps_five_thousand_lines() -> None:
    """A log without end costs no more than these, and the others are counted."""
    session = parse_session({"messages": [{}] * 1_000_000})
    assert (len(session.lines), session.left_out) == (5_000, 995_000)
