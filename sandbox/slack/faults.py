"""Faults to inject: the kind of failure, the calls it applies to, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.open_faults import OpenFaults

Kind = Literal[
    "delay",  # responds after `seconds`
    "status",  # `status`, by default 500, without running the method
    "status_after",  # the same, after running the method
    "refuse",  # `error` in Slack's format, as for a workspace policy
    "no_charts",  # refuses messages with a chart, as a workspace without charts
    "rate_limit",  # 429 with Retry-After
    "html",  # an HTML page; the default status is 502
    "cut_before",  # closes the connection without running the method
    "cut_after",  # runs the method, then closes the connection
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault for `method`: a Web API method or "response_url". Empty matches all.

    `seconds` is for a delay, `retry_after` (seconds) for a rate limit, `error` for a refusal, and
    `message` for Slack's explanation of it. Raises `ValueError` for an unknown kind.
    """

    kind: Kind
    times: int = 1
    method: str = ""
    seconds: float = 0
    status: int = 0
    retry_after: int | None = None
    error: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(get_args(Kind))}")


class Faults(OpenFaults[Fault]):
    """The faults of Slack."""

    def take(self, method: str, *, has_chart: bool = False) -> Fault | None:
        return self.take_first(
            lambda fault: fault.method in ("", method) and (fault.kind != "no_charts" or has_chart)
        )
