"""The first look at a request: what Slack did not send never reaches Bolt.

Bolt answers some malformed requests with a traceback and logs the body of others; here they are
refused with a status and a word, and nothing of them is logged.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slack_sdk.signature import SignatureVerifier

MAX_BODY_BYTES = 1_000_000
MAX_AGE_SECONDS = 5 * 60  # Slack: verifying requests, replay attacks
MAX_TIMESTAMP_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP status and a word for the sender."""

    status: int
    reason: str


class Guard:
    """Knows Slack by its signature (v0: HMAC-SHA256 of version, timestamp and body)."""

    def __init__(self, signing_secret: str, clock: Callable[[], float]) -> None:
        self._verifier = SignatureVerifier(signing_secret)
        self._clock = clock

    def refuse(self, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """Why this request is not answered; None where it is Slack's. Lower-case header names."""
        timestamp = headers.get("x-slack-request-timestamp", "")
        signature = headers.get("x-slack-signature", "")
        if not _is_number(timestamp) or not signature.isascii() or not signature:
            return Refusal(400, "not a signed request of Slack's")
        if abs(self._clock() - int(timestamp)) > MAX_AGE_SECONDS:
            return Refusal(401, "the request is too old")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return Refusal(400, "the body is not UTF-8")
        if not self._signed(timestamp, text, signature):
            return Refusal(401, "the signature does not fit")
        return None

    def _signed(self, timestamp: str, body: str, signature: str) -> bool:
        expected = self._verifier.generate_signature(timestamp=timestamp, body=body)
        return expected is not None and hmac.compare_digest(expected, signature)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_TIMESTAMP_DIGITS
