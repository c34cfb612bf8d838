"""Faults to inject: the kind of failure, the calls it applies to, and how many times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal[
    "delay",  # answers after `seconds`
    "status",  # `status`, 500 unless given, and nothing is done
    "status_after",  # the same, although what was asked is done
    "refuse",  # `error` in Slack's own form, as for a policy of the workspace
    "no_charts",  # refuses messages with a chart, as a workspace where Slack has none
    "rate_limit",  # 429 with Retry-After
    "html",  # a page in place of JSON, 502 unless `status` says otherwise
    "cut_before",  # hangs up without doing anything
    "cut_after",  # does what was asked, then hangs up
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One order for `method`: a Web API method or "response_url"; empty fits all.

    `seconds` is for a delay, `retry_after` (seconds) for a rate limit, `error` for a refusal,
    and `message` for Slack's explanation of it.
    ValueError for an unknown kind.
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


class Faults:
    """The orders not yet used up, oldest first."""

    def __init__(self) -> None:
        self._open: list[Fault] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, fault: Fault) -> None:
        if fault.times > 0:
            self._open.append(fault)

    def clear(self) -> None:
        self._open.clear()

    def take(self, method: str, *, has_chart: bool = False) -> Fault | None:
        """The first order that fits, used up by one; None where all is well."""
        for place, fault in enumerate(self._open):
            if fault.kind == "no_charts" and not has_chart:
                continue
            if fault.method in ("", method):
                left = replace(fault, times=fault.times - 1)
                self._open[place : place + 1] = [left] if left.times else []
                return fault
        return None
