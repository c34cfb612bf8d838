"""Runs one action of a user, waits until the app has finished, and returns all of its calls."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import httpx

from sandbox.slack.actor import Actor
from sandbox.slack.delivery import Ack
from sandbox.slack.user_actions import ActionResult
from sandbox.slack.workspace import Workspace

POLL_INTERVAL_SECONDS = 0.02
MAX_BUSY_SECONDS = 15.0
SILENT_SECONDS = 5.0

Act = Callable[[httpx.AsyncClient, Actor], Awaitable[ActionResult]]


async def exchange(actor: Actor, act: Act) -> dict[str, Any]:
    """Run an action of `actor`, and return the result as `/sandbox/…` responds with it."""
    workspace, user = actor.workspace, actor.user
    sent, version = workspace.journal.count, workspace.messages.version
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as http:
        done = await act(http, actor)
        if done.ack:
            await _finished(http, actor, done.ack, sent)
    view, home = workspace.views.top(user.id), workspace.views.home(user.id)
    return {
        "ack": done.ack.as_json() if done.ack else None,
        "payloads": [entry.as_json() for entry in workspace.journal.since(sent, user.id)],
        "messages": [m.as_json() for m in workspace.seen_by(user, since=version)],
        "view": view.as_json() if view else None,
        "home": home.as_json() if home else None,
        "field_errors": done.field_errors,
        "options": done.options,
    }


async def _finished(http: httpx.AsyncClient, actor: Actor, ack: Ack, sent: int) -> None:
    """Wait until the app has no running work.

    If the app doesn't report running work, wait until it has sent something. `sent` is the number
    of journal entries before the action.
    """
    workspace, begun = actor.workspace, time.monotonic()
    while (waited := time.monotonic() - begun) < MAX_BUSY_SECONDS:
        running = await _running(http, workspace)
        has_ended = ack.error or workspace.journal.since(sent, actor.user.id)
        if running == 0 or (running is None and (has_ended or waited > SILENT_SECONDS)):
            return
        await asyncio.sleep(POLL_INTERVAL_SECONDS)


async def _running(http: httpx.AsyncClient, workspace: Workspace) -> int | None:
    """Return the number of the app's unfinished tasks, or None if the app doesn't report it."""
    try:
        health = (await http.get(f"{workspace.bot_url}/healthz", timeout=1)).json()
        return int(health["running"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


@cache
def tls() -> ssl.SSLContext:
    """Return a shared TLS context.

    Loading the certificates takes longer than the rest of an exchange.
    """
    return ssl.create_default_context()
