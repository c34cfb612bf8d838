"""Delivers requests to the app, with a timeout of 3 s.

Over HTTP they are signed, as a form or JSON; in Socket Mode they are sent in an envelope.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from sandbox.slack.socket_mode import EVENTS_API, NoConnection
from sandbox.slack.workspace import Workspace

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
REASONS = {"operation_timeout": "http_timeout", "dispatch_failed": "http_error"}
"""Slack's retry reasons, by the app's error."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The app's response. `body` is JSON, text, or None if it is empty.

    `error` is Slack's error code if the app did not acknowledge: operation_timeout or
    dispatch_failed. Status 0 means that there was no response; in Socket Mode, each ack has 200.
    """

    status: int = 0
    seconds: float = 0.0
    body: Any = None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        seconds = round(self.seconds, 4)
        shown = {"status": self.status, "seconds": seconds, "body": self.body}
        return {**shown, "error": self.error} if self.error else shown


def signed(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Slack: `v0=` and the HMAC-SHA256 of `v0:<timestamp>:<body>`, in hex."""
    base = b"v0:%d:%s" % (timestamp, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


async def deliver(http: httpx.AsyncClient, workspace: Workspace, form: Mapping[str, str]) -> Ack:
    """POST a form to the app's /slack/events and wait for the ack, for at most as long as Slack.

    In Socket Mode, the envelope has the fields of a command, or the payload of an interaction.
    """
    if workspace.socket_mode.is_enabled:
        if "payload" in form:
            return await _send(workspace, "interactive", json.loads(form["payload"]))
        return await _send(workspace, "slash_commands", form)
    return await _post(http, workspace, urlencode(form).encode(), {"Content-Type": FORM})


async def deliver_event(
    http: httpx.AsyncClient, workspace: Workspace, event: Mapping[str, Any]
) -> Ack:
    """POST an event as JSON, and retry once, almost immediately, if it fails.

    Slack also retries after one and after five minutes; the stand-in doesn't.
    """
    if workspace.socket_mode.is_enabled:
        ack = await _send(workspace, EVENTS_API, event)
        return await _send(workspace, EVENTS_API, event, "timeout") if ack.error else ack
    body, headers = json.dumps(event).encode(), {"Content-Type": JSON}
    ack = await _post(http, workspace, body, headers)
    if not ack.error:
        return ack
    again = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": REASONS[ack.error]}
    return await _post(http, workspace, body, headers | again)


async def _send(
    workspace: Workspace, kind: str, payload: Mapping[str, Any], retry_reason: str = ""
) -> Ack:
    begun, seconds = time.perf_counter(), workspace.ack_seconds
    try:
        body = await workspace.socket_mode.deliver(
            kind, payload, seconds, retry_reason=retry_reason
        )
    except TimeoutError:
        return Ack(seconds=time.perf_counter() - begun, error="operation_timeout")
    except NoConnection:
        return Ack(seconds=time.perf_counter() - begun, error="dispatch_failed")
    return Ack(200, time.perf_counter() - begun, body)


async def _post(
    http: httpx.AsyncClient, workspace: Workspace, body: bytes, headers: Mapping[str, str]
) -> Ack:
    signature = signed(workspace.signing_secret, int(workspace.clock()), body)
    robot = {"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(workspace.ack_seconds):
            url = f"{workspace.bot_url}/slack/events"
            sent = {**headers, **robot, **signature}
            answer = await http.post(url, content=body, headers=sent)
    except TimeoutError:
        return Ack(seconds=time.perf_counter() - begun, error="operation_timeout")
    except httpx.HTTPError:
        return Ack(seconds=time.perf_counter() - begun, error="dispatch_failed")
    error = "" if answer.status_code == 200 else "dispatch_failed"
    return Ack(answer.status_code, time.perf_counter() - begun, _body(answer), error)


def _body(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    if answer.headers.get("content-type", "").startswith("application/json"):
        try:
            return answer.json()
        except ValueError:
            return answer.text
    return answer.text
