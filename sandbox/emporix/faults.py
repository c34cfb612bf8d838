"""Faults to inject: the kind of failure, the requests it applies to, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from sandbox.open_faults import OpenFaults

Kind = Literal[
    "delay",  # responds after `seconds`
    "status",  # responds with `status` and its documented body
    "html",  # a proxy's HTML page; the default status is 502
    "empty",  # 200 with an empty body
    "truncated",  # the real response as 200, with truncated JSON
    "cut_before",  # closes the connection without running the operation
    "cut_after",  # runs the operation, then closes the connection
    "status_after",  # runs the operation, then responds with `status` as if it had failed
    "rate_limit",  # 429 with the gateway's body
    "quota_500",  # 500 with the same body
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to inject. `path` is a part of the path as it was sent.

    An empty `path` or `method` matches all requests, token requests included. `seconds` is for a
    delay; `retry_after`, if given, is sent as the Retry-After header. Raises `ValueError` for an
    invalid status.
    """

    kind: Kind
    times: int = 1
    path: str = ""
    method: str = ""
    seconds: float = 0
    status: int = 0
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.kind.startswith("status") and HTTPStatus(self.status) < HTTPStatus.BAD_REQUEST:
            raise ValueError("a status fault needs an HTTP status from 400 upwards")

    def fits(self, method: str, path: str) -> bool:
        return self.path in path and self.method.upper() in ("", method)


class Faults(OpenFaults[Fault]):
    """The faults of Emporix."""

    def take(self, method: str, path: str) -> Fault | None:
        return self.take_first(lambda fault: fault.fits(method, path))
