"""What a session of agents has written to its log. Reading is tolerant, as that of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.domain.times import parse_time
from bot.emporix.payloads import fields, items, text

MOST_LINES, MOST_AGENTS = 5_000, 100
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `severity` in upper case, `timestamp` as it came. `message` may name customers.

    `is_business` is False for what only technicians read, None where Emporix does not say.
    """

    timestamp: str = ""
    severity: str = ""
    message: str = field(default="", repr=False)
    agent_id: str = ""
    request_id: str = ""
    is_business: bool | None = None

    @classmethod
    def from_json(cls, value: object) -> LogLine:
        line = fields(value)
        business = line.get("isBusinessLog")
        return cls(
            timestamp=text(line.get("timestamp")),
            severity=text(line.get("severity")).upper(),
            message=text(line.get("message")),
            agent_id=text(line.get("agentId")),
            request_id=text(line.get("requestId")),
            is_business=business if isinstance(business, bool) else None,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A session and its log, the oldest line first; `seconds` is how long it took, if known.

    At most 5,000 lines, the first that came; `left_out` counts the others.
    """

    id: str
    severity: str
    agents: tuple[str, ...]
    lines: tuple[LogLine, ...]
    seconds: int | None
    left_out: int = 0

    @classmethod
    def from_json(cls, value: object) -> Session:
        """Raises ValueError where `value` is not an object, and for nothing else."""
        if not isinstance(value, dict):
            raise ValueError("a session is a JSON object")
        duration, lines = value.get("duration"), items(value.get("messages"))
        return cls(
            id=text(value.get("sessionId")),
            severity=text(value.get("severity")).upper(),
            agents=tuple(filter(None, map(text, items(value.get("agents"))[:MOST_AGENTS]))),
            lines=_in_order(LogLine.from_json(line) for line in lines[:MOST_LINES]),
            seconds=duration if type(duration) is int and duration >= 0 else None,
            left_out=max(0, len(lines) - MOST_LINES),
        )


def _in_order(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """By time, which Emporix does not promise; a line without one stays behind the line before."""
    dated = sorted(_dated(lines), key=lambda pair: pair[0])
    return tuple(line for _, line in dated)


def _dated(lines: Iterable[LogLine]) -> Iterator[tuple[datetime, LogLine]]:
    moment = BEFORE_ALL
    for line in lines:
        moment = parse_time(line.timestamp) or moment
        yield moment, line
