"""Verifies that requests come from Slack: by their headers before the body is read, then by it.

Bolt answers some malformed requests with a traceback and logs the body of others; here they are
refused with a status and a reason, and nothing of them is logged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MAX_BODY_BYTES = 1_000_000
MAX_AGE_SECONDS = 5 * 60  # Slack: verifying requests, replay attacks
MAX_CHECK_BYTES = 1000

TIMESTAMP, SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP status and a reason, for the sender and the log."""

    status: int
    reason: str


TOO_LONG = Refusal(413, "the body is too long")


class Guard:
    """Checks Slack's signature (v0: HMAC-SHA256 of version, timestamp and body).

    Any of `signing_secrets` may have made it: while a secret is replaced there are two. Names of
    headers are lower-case.
    """

    def __init__(self, signing_secrets: Sequence[str], clock: Callable[[], float]) -> None:
        self._secrets = tuple(secret.encode() for secret in signing_secrets)
        self._clock = clock

    def refuse_head(self, headers: Mapping[str, str]) -> Refusal | None:
        """Why the body of this request need not be read; None if it may be Slack's."""
        timestamp = headers.get(TIMESTAMP, "")
        signature = headers.get(SIGNATURE, "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            return Refusal(400, "not a signed request of Slack's")
        if abs(self._clock() - int(timestamp)) > MAX_AGE_SECONDS:
            return Refusal(401, "the request is too old")
        return TOO_LONG if length(headers) > MAX_BODY_BYTES else None

    def refuse_body(self, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """Why a request that `refuse_head` let pass is not answered; None if it is Slack's."""
        signed = b"v0:%b:%b" % (headers[TIMESTAMP].encode(), body)
        given = headers[SIGNATURE]
        made = [f"v0={hmac.digest(one, signed, hashlib.sha256).hex()}" for one in self._secrets]
        if not any(hmac.compare_digest(one, given) for one in made):
            return Refusal(401, "the signature does not fit")
        try:
            body.decode()
        except UnicodeDecodeError:
            return Refusal(400, "the body is not UTF-8")
        return None


def may_be_certificate_check(headers: Mapping[str, str]) -> bool:
    """Slack: an unsigned form of a few bytes comes now and then, to check the certificate."""
    return SIGNATURE not in headers and 0 < length(headers) <= MAX_CHECK_BYTES


def is_certificate_check(body: bytes) -> bool:
    """Slack: `ssl_check=1&token=…`."""
    return b"ssl_check=1" in body.split(b"&")


def length(headers: Mapping[str, str]) -> int:
    """What the request says of the length of its body, in bytes; 0 if nothing."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0
