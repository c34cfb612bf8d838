"""Events about removed users and channels are acknowledged only after they were handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import bot.listeners
from bot.errors import Busy, StoreUnavailable
from bot.slack.decorators import EventListener, RunAfterAck, discover, event
from sandbox.slack.delivery import deliver_event
from sandbox.slack.exchange import tls
from tests.harness import sample_requests
from tests.harness.dispatch import DispatchHarness, DispatchSetup, open_dispatch

LASTING = {
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_shared",
    "channel_unshared",
    "group_archive",
    "group_deleted",
    "group_left",
    "tokens_revoked",
    "user_change",
}


def test_every_event_about_an_end_is_handled_before_its_ack() -> None:
    """Every such event is handled before its ack, so that an error of Redis can't lose it."""
    events = discover(bot.listeners).events
    assert {name for name, heard in events.items() if heard.before_ack} == LASTING
    assert events.keys() - LASTING == {"app_home_opened"}


def lasting(listener: Any) -> EventListener:
    """An event that is handled before its ack."""
    return event("user_change", audit=None, before_ack=True)(listener)


class Listener:
    """Fails once with `error`, then succeeds and sends a message."""

    def __init__(self, error: Callable[[], Exception] | None) -> None:
        self.error, self.calls, self.messages = error, 0, 0

    async def __call__(self, run_after_ack: RunAfterAck) -> None:
        self.calls += 1
        if self.error and self.calls == 1:
            raise self.error()
        run_after_ack(self.tell)

    async def tell(self) -> None:
        self.messages += 1


async def delivered(harness: DispatchHarness) -> Any:
    """Deliver an event as Slack does: again if it is not acknowledged."""
    body = sample_requests.app_home_opened()
    async with httpx.AsyncClient(verify=tls()) as http:
        ack = await deliver_event(
            http, harness.workspace, body | {"event": body["event"] | {"type": "user_change"}}
        )
    await harness.poster.settled()
    return ack


@pytest.mark.parametrize("error", [lambda: StoreUnavailable("ConnectionError"), Busy, TimeoutError])
async def test_a_failed_delivery_is_repeated(
    error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """If the first delivery fails, the second one does the work, once."""
    listener = Listener(error)
    async with open_dispatch(DispatchSetup((lasting(listener),))) as harness:
        ack = await delivered(harness)
    assert (ack.status, listener.calls, listener.messages) == (200, 2, 1)
    assert caplog.text.count("user_change is not acknowledged: ") == 1


async def test_a_handled_event_is_delivered_once() -> None:
    """A handled event is delivered once, and its messages follow the ack."""
    listener = Listener(None)
    async with open_dispatch(DispatchSetup((lasting(listener),))) as harness:
        ack = await delivered(harness)
    assert (ack.status, listener.calls, listener.messages) == (200, 1, 1)


async def test_a_failing_event_is_not_acknowledged() -> None:
    """An event that keeps failing is not acknowledged, so Slack retries after 1 and 5 minutes."""

    async def fail() -> None:
        raise StoreUnavailable("ConnectionError")

    async with open_dispatch(DispatchSetup((lasting(fail),))) as harness:
        ack = await delivered(harness)
    assert ack.status == 503


async def test_a_slow_event_is_not_acknowledged() -> None:
    """A slow handler is cancelled, and the next delivery does the work."""
    calls: list[str] = []

    async def hang() -> None:
        calls.append("begun")
        if len(calls) == 1:
            await asyncio.Event().wait()

    async with open_dispatch(DispatchSetup((lasting(hang),))) as harness:
        ack = await delivered(harness)
    assert (ack.status, len(calls)) == (200, 2)
