"""Shortcuts and modals open at once, never overwrite newer views, and explain delays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import EmporixTimeout
from bot.rendering.buttons import TenantButton
from bot.rendering.renderer import Renderer
from bot.slack.decorators import Listener, action, options, shortcut, submission
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.slack.request import SlackRequest
from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.directory import ADA, TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.triggers import TRIGGER_SECONDS
from sandbox.slack.views import STACK, View
from sandbox.slack.workspace import Workspace
from tests.harness import sample_requests
from tests.harness.clock import FakeClock
from tests.harness.dispatch import DispatchHarness, DispatchSetup, open_dispatch
from tests.sandbox.slack.samples import modal as view_of
from tests.sandbox.slack.samples import plain

OURS = "loading"
TITLE = "The whole message"


class Pages:
    """Listeners that open, push and update modals, and store their values."""

    def __init__(self) -> None:
        self.shown: list[bool] = []
        self.given: dict[str, Any] = {}

    @property
    def heard(self) -> tuple[Listener, ...]:
        return (
            shortcut("go.start", "Go", "Goes.", kind="global", audit=None)(self.start),
            action("go.push", at_once=True, audit=None)(self.start),
            action("go.change", audit=None)(self.change),
            submission("go.form", audit=None)(self.submitted),
            options("go.typed", audit=None)(self.typed),
            options("go.broken", audit=None)(self.broken),
        )

    async def start(self, modal: Modal) -> None:
        await modal.open(OURS, step="message")

    async def change(self, modal: Modal) -> None:
        self.shown.append(await modal.update(OURS, step="message"))

    async def submitted(
        self, values: Any, choices: Any, metadata: TenantButton, modal: SubmittedModal
    ) -> None:
        self.given = {"values": values, "choices": choices, "metadata": metadata}
        await modal.push(OURS, step="message")

    async def typed(self, typed: str, values: Any, options_reply: OptionsReply) -> None:
        self.given = {"typed": typed, "values": values}
        await options_reply(OURS, step="message")

    async def broken(self, typed: str) -> None:
        raise EmporixTimeout


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def harness(pages: Pages) -> AsyncIterator[DispatchHarness]:
    async with open_dispatch(DispatchSetup(pages.heard)) as opened:
        yield opened


def open_view(harness: DispatchHarness) -> View:
    return harness.workspace.views.open(ADA.id, view_of(title=plain("Before")))


def titles(harness: DispatchHarness) -> list[str]:
    """The titles of Ada's open modals, the top one last."""
    found, view = [], harness.workspace.views.top(ADA.id)
    while view:
        found.append(view.content["title"]["text"])
        view = harness.workspace.views.find(view.previous_id) if view.previous_id else None
    return found[::-1]


def pressed_in(harness: DispatchHarness, view: View, action_id: str) -> dict[str, Any]:
    payload = sample_requests.block_actions(action_id, "", "")
    for name in ("channel", "message", "response_url"):
        del payload[name]
    shown = {"view": view.as_json(), "container": {"type": "view", "view_id": view.id}}
    return payload | shown | {"trigger_id": harness.workspace.triggers.new(ADA.id, view.id)}


async def test_a_shortcut_opens_its_modal(harness: DispatchHarness) -> None:
    """A shortcut opens its modal after an empty ack."""
    called = sample_requests.shortcut("go.start")
    called["trigger_id"] = harness.workspace.triggers.new(ADA.id)
    answer = await harness.poster.interaction(called)
    assert (answer.status_code, answer.text) == (200, "")
    await harness.poster.settled()
    assert titles(harness) == [TITLE]


async def test_explains_an_expired_trigger(harness: DispatchHarness) -> None:
    """An expired trigger opens nothing; without a channel, a direct message explains it."""
    called = sample_requests.shortcut("go.start")
    called["trigger_id"] = harness.workspace.triggers.new(ADA.id)
    clock = harness.workspace.clock
    assert isinstance(clock, FakeClock)
    clock.forward(TRIGGER_SECONDS + 1)
    await harness.poster.interaction(called)
    await harness.poster.settled()
    assert titles(harness) == []
    assert "didn't open the form in time" in harness.texts()[-1]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("refuse", error="invalid_trigger_id"),
        Fault("refuse", error="expired_trigger_id"),
        Fault("refuse", error="exchanged_trigger_id"),
        Fault("refuse", error="trigger_expired"),
        Fault("refuse", error="invalid_arguments", message="[ERROR] trigger_id expired"),
        Fault("refuse", error="ratelimited"),
        Fault("rate_limit", retry_after=3),
    ],
    ids=lambda fault: fault.error or fault.kind,
)
async def test_every_refused_trigger_asks_to_click_again(
    harness: DispatchHarness, fault: Fault
) -> None:
    """Each of Slack's codes for an expired trigger asks the user to click again, with no retry."""
    harness.workspace.faults.add(replace(fault, method="views.open"))
    called = sample_requests.shortcut("go.start")
    called["trigger_id"] = harness.workspace.triggers.new(ADA.id)
    await harness.poster.interaction(called)
    await harness.poster.settled()
    assert titles(harness) == []
    assert "Click the button or run the command again" in harness.texts()[-1]


async def test_a_refused_view_is_not_explained_as_a_delay(harness: DispatchHarness) -> None:
    """A refused view is not reported as an expired trigger."""
    fault = Fault("refuse", method="views.open", error="invalid_arguments", message="bad blocks")
    harness.workspace.faults.add(fault)
    called = sample_requests.shortcut("go.start")
    called["trigger_id"] = harness.workspace.triggers.new(ADA.id)
    await harness.poster.interaction(called)
    await harness.poster.settled()
    assert "not your fault" in harness.texts()[-1]


async def test_explains_a_shortcut_without_a_listener(harness: DispatchHarness) -> None:
    """A shortcut without a listener is explained, as the manifest may have another version."""
    await harness.poster.interaction(sample_requests.shortcut("go.long.ago"))
    await harness.poster.interaction(
        sample_requests.message_action("go.long.ago", harness.response_url())
    )
    await harness.poster.settled()
    assert ["too old" in text for text in harness.texts()] == [True, True]


async def test_opens_on_top_of_the_current_modal(harness: DispatchHarness) -> None:
    """A modal opened from a modal is pushed on top, and closing it shows the previous one."""
    await harness.poster.interaction(pressed_in(harness, open_view(harness), "go.push"))
    await harness.poster.settled()
    assert titles(harness) == ["Before", TITLE]


async def test_a_fourth_modal_replaces_the_third(harness: DispatchHarness) -> None:
    """A fourth modal replaces the third, because Slack allows three."""
    view = open_view(harness)
    for number in range(STACK - 1):
        view = harness.workspace.views.push(ADA.id, view_of(title=plain(f"Pushed {number}")))
    await harness.poster.interaction(pressed_in(harness, view, "go.push"))
    await harness.poster.settled()
    assert titles(harness) == ["Before", "Pushed 0", TITLE]


async def test_replaces_the_top_modal_if_the_trigger_has_expired(
    harness: DispatchHarness,
) -> None:
    """With an expired trigger, the answer replaces the top modal instead of being lost."""
    pressed = pressed_in(harness, open_view(harness), "go.push")
    clock = harness.workspace.clock
    assert isinstance(clock, FakeClock)
    clock.forward(TRIGGER_SECONDS + 1)
    await harness.poster.interaction(pressed)
    await harness.poster.settled()
    assert titles(harness) == [TITLE]


async def test_overwrites_nothing_newer(harness: DispatchHarness, pages: Pages) -> None:
    """A click never overwrites a view that has changed since."""
    view = open_view(harness)
    pressed = pressed_in(harness, view, "go.change")
    harness.workspace.views.update(view, view_of(title=plain("Newer")))
    await harness.poster.interaction(pressed)
    await harness.poster.settled()
    assert (titles(harness), pages.shown) == (["Newer"], [False])


async def test_a_closed_modal_remains_closed(harness: DispatchHarness, pages: Pages) -> None:
    """A closed modal is not opened again, and the listener is informed."""
    view = open_view(harness)
    pressed = pressed_in(harness, view, "go.change")
    harness.workspace.views.close(view)
    await harness.poster.interaction(pressed)
    await harness.poster.settled()
    assert (titles(harness), harness.texts(), pages.shown) == ([], [], [False])


async def test_updates_an_unchanged_view(harness: DispatchHarness, pages: Pages) -> None:
    """An unchanged view is updated, by the hash of the click."""
    await harness.poster.interaction(pressed_in(harness, open_view(harness), "go.change"))
    await harness.poster.settled()
    assert (titles(harness), pages.shown) == ([TITLE], [True])


async def test_a_form_passes_all_values(harness: DispatchHarness, pages: Pages) -> None:
    """A form passes all its values to the listener, which can push another one in the ack."""
    submitted = sample_requests.view_submission("go.form", {"words": " late refund "})
    submitted["view"]["private_metadata"] = TenantButton("acme").value
    submitted["view"]["state"]["values"] |= {
        "tenant": {"x": {"type": "static_select", "selected_option": {"value": "acme"}}},
        "day": {"x": {"type": "datepicker", "selected_date": "2026-11-24"}},
        "where": {"x": {"type": "conversations_select", "selected_conversation": None}},
        "status": {"x": {"type": "checkboxes", "selected_options": [{"value": "failure"}]}},
    }
    answer = await harness.poster.interaction(submitted)
    assert answer.json()["response_action"] == "push"
    filled = {"words": "late refund", "tenant": "acme", "day": "2026-11-24", "where": ""}
    assert pages.given["values"] == filled | {"status": "failure"}
    assert pages.given["choices"] == {"status": ("failure",)}
    assert pages.given["metadata"] == TenantButton("acme")


async def test_offers_options_in_the_ack(harness: DispatchHarness, pages: Pages) -> None:
    """An external select is answered in the ack and knows the other values of the form."""
    answer = await harness.poster.interaction(sample_requests.block_suggestion("go.typed", "compl"))
    assert answer.status_code == 200
    assert answer.json()["title"]["text"] == TITLE
    assert pages.given == {"typed": "compl", "values": {}}


@pytest.mark.parametrize("action_id", ["go.broken", "go.long.ago"])
async def test_offers_no_options_after_an_error(harness: DispatchHarness, action_id: str) -> None:
    """If options can't be read, the list is empty and the form stays usable."""
    answer = await harness.poster.interaction(sample_requests.block_suggestion(action_id, "compl"))
    assert (answer.status_code, answer.json()) == (200, {"options": []})


@pytest.mark.parametrize("kind", ["delay", "cut_before", "status", "refuse"])
async def test_a_modal_below_may_not_be_updated(kind: Any) -> None:
    """If a modal below can't be updated, the listener is informed and continues."""
    workspace = Workspace(FakeClock())
    view = workspace.views.open(ADA.id, view_of(title=plain("Before")))
    workspace.faults.add(Fault(kind, 9, "views.update", seconds=0.5, error="internal_error"))
    timeout = aiohttp.ClientTimeout(total=0.1)
    async with (
        serving(create_app(workspace)) as url,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        client = AsyncWebClient(workspace.bot_token, f"{url}/api/", session=session)
        modal = Modal(Renderer.default(), request_of(client, view))
        below = modal.snapshot()
        assert not await modal.update_other(below["id"], below["view"], below["hash"])
    assert workspace.views.find(view.id) == view


def request_of(client: AsyncWebClient, view: View) -> SlackRequest:
    answered = asyncio.Event()
    answered.set()
    return SlackRequest(
        caller=Caller(TEAM_ID, ADA.id),
        channel_id="",
        response_url="",
        trigger_id="",
        delivery="",
        view=view.as_json(),
        message_ts="",
        message=None,
        client=client,
        reference="r",
        answered=answered,
    )
