"""Faults to inject: the kind of failure, the requests it applies to, and how many times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

Kind = Literal[
    "delay",  # answers after `seconds`
    "status",  # refuses with `status`, in the shape documented for it
    "html",  # a proxy's page, 502 unless `status` says otherwise
    "empty",  # 200 and no body
    "truncated",  # the real answer as 200, cut in the middle of its JSON
    "cut_before",  # hangs up without doing anything
    "cut_after",  # does what was asked, then hangs up
    "rate_limit",  # 429 in the gateway's shape
    "quota_500",  # the same body as 500
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. `path` is a part of the path as it was sent; empty `path` and `method` fit all.

    An empty `path` fits the token request too. `seconds` is for a delay; `retry_after`, where
    given, goes out as the Retry-After header.
    ValueError where a status makes no sense.
    """

    kind: Kind
    times: int = 1
    path: str = ""
    method: str = ""
    seconds: float = 0
    status: int = 0
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.kind == "status" and HTTPStatus(self.status) < HTTPStatus.BAD_REQUEST:
            raise ValueError("a status fault needs an HTTP status from 400 upwards")

    def fits(self, method: str, path: str) -> bool:
        return self.path in path and self.method.upper() in ("", method)


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

    def take(self, method: str, path: str) -> Fault | None:
        """The oldest order that fits this request, used up by one; None where all is well."""
        for place, fault in enumerate(self._open):
            if fault.fits(method, path):
                self._use(place, fault)
                return fault
        return None

    def _use(self, place: int, fault: Fault) -> None:
        if fault.times > 1:
            self._open[place] = replace(fault, times=fault.times - 1)
        else:
            del self._open[place]
