"""`emporix-bot doctor --channel`: what works in a channel; the test message is always deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.rendering.renderer import Renderer
from bot.slack.posting.channel_check import ChannelCheck
from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.faults import Fault
from sandbox.slack.messages import Message, Messages
from sandbox.slack.workspace import BOT_SCOPES, Workspace
from tests.harness.clock import FakeClock

CHANNEL = "C0OPS"
RENDERER = Renderer.default()
IN_ORDER = ["post", "history", "metadata", "block_id", "chart", "menu", "button", "update"]
"""The results between those of the channel and of the deletion."""

Blocks = list[dict[str, Any]]
Result = tuple[str, str, str]


@dataclass
class Examination:
    """Checks of one channel: `results` are their lines, `slept` their pauses."""

    workspace: Workspace
    results: list[Result] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def report(self, subject: str, ok: bool, message: str, *, is_optional: bool = False) -> None:
        result = "ok" if ok else "miss" if is_optional else "FAIL"
        self.results.append((subject, result, message))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def run(self) -> None:
        async with checking(self, create_app(self.workspace)) as check:
            await check.run()

    @property
    def negative(self) -> list[Result]:
        return [result for result in self.results if result[1] != "ok"]

    @property
    def messages(self) -> list[Message]:
        return Messages.of_channel(self.workspace.messages, CHANNEL)


@asynccontextmanager
async def checking(examination: Examination, app: ASGIApp) -> AsyncIterator[ChannelCheck]:
    """A check of the channel with a Slack on real sockets."""
    clock = examination.workspace.clock
    async with serving(app) as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            "xoxb-sandbox-bot", f"{url}/api/", session=session, retry_handlers=[]
        )
        yield ChannelCheck(
            client, client, RENDERER, CHANNEL, examination.report, clock, examination.sleep
        )


@pytest.fixture
def examination(clock: FakeClock) -> Examination:
    return Examination(Workspace(clock))


async def test_everything_works(examination: Examination) -> None:
    """In a suitable channel there is one positive result per assumption, without a pause."""
    await examination.run()
    assert [subject for subject, *_ in examination.results] == ["channel", *IN_ORDER, "delete"]
    assert examination.negative == []
    assert examination.slept == []
    assert examination.messages == []


class LossyMessages(Messages):
    """Messages of a Slack that stores other blocks than were sent."""

    def __init__(self, workspace: Workspace, store: Callable[[Blocks], Blocks]) -> None:
        super().__init__(workspace.clock)
        self._store = store

    def add(self, channel_id: str, text: str, blocks: Blocks, **more: Any) -> Message:
        return super().add(channel_id, text, self._store(blocks), **more)


class LateMessages(Messages):
    """Messages of a Slack whose history doesn't show them."""

    def of_channel(self, channel_id: str) -> list[Message]:
        return []


class UnchangedMessages(Messages):
    """Messages of a Slack that accepts updates without showing them."""

    def replace(self, message: Message, text: str, blocks: Blocks) -> Message:
        return message


def not_a_member(workspace: Workspace) -> None:
    workspace.directory.remove(CHANNEL, BOT_USER_ID)


def archived(workspace: Workspace) -> None:
    workspace.directory.archive(CHANNEL)


def with_outsiders(workspace: Workspace) -> None:
    workspace.directory.share(CHANNEL)


def unknown(workspace: Workspace) -> None:
    workspace.directory.delete(CHANNEL)


def private(workspace: Workspace) -> None:
    channel = workspace.directory.channels[CHANNEL]
    workspace.directory.channels[CHANNEL] = replace(channel, is_private=True, members=frozenset())


def direct(workspace: Workspace) -> None:
    channel = workspace.directory.channels[CHANNEL]
    workspace.directory.channels[CHANNEL] = replace(channel, is_im=True)


def wrong_token(workspace: Workspace) -> None:
    workspace.bot_token = "xoxb-another"


def channels_not_readable(workspace: Workspace) -> None:
    workspace.bot_scopes = BOT_SCOPES - {"channels:read"}


def slack_limits(workspace: Workspace) -> None:
    workspace.faults.add(Fault("rate_limit", method="conversations.info", retry_after=30))


def posting_not_granted(workspace: Workspace) -> None:
    workspace.bot_scopes = BOT_SCOPES - {"chat:write"}


def posting_restricted(workspace: Workspace) -> None:
    error = "restricted_action_read_only_channel"
    workspace.faults.add(Fault("refuse", method="chat.postMessage", error=error))


def posting_limited(workspace: Workspace) -> None:
    workspace.faults.add(Fault("rate_limit", method="chat.postMessage", retry_after=30))


def metadata_refused(workspace: Workspace) -> None:
    error = "invalid_metadata_format"
    workspace.faults.add(Fault("refuse", method="chat.postMessage", error=error))


def blocks_refused(workspace: Workspace) -> None:
    fault = Fault("refuse", times=9, method="chat.postMessage", error="invalid_blocks")
    workspace.faults.add(fault)


SUITABLE_ONLY: dict[Callable[[Workspace], None], tuple[str, str]] = {
    not_a_member: ("channel", "the app is not in it: type `/invite @emporix` there"),
    archived: ("channel", "it is archived: choose another channel"),
    with_outsiders: ("channel", "people from other organizations read it: choose another channel"),
    direct: ("channel", "this is a direct message: choose a channel"),
    unknown: ("channel", "channel_not_found: check the id"),
    private: ("channel", "channel_not_found: check the id; if the channel is private, invite"),
    wrong_token: ("channel", "invalid_auth: update the app from manifest.yml"),
    channels_not_readable: ("channel", "missing_scope: update the app from manifest.yml"),
    slack_limits: ("channel", "ratelimited: try again in 30 s"),
    posting_not_granted: ("post", "missing_scope: update the app from manifest.yml"),
    posting_restricted: ("post", "restricted_action_read_only_channel: choose another channel"),
    posting_limited: ("post", "ratelimited: try again in 30 s"),
    metadata_refused: ("post", "invalid_metadata_format: report this"),
    blocks_refused: ("post", "invalid_blocks: report this"),
}


@pytest.mark.parametrize("unsuitable", SUITABLE_ONLY, ids=lambda case: case.__name__)
async def test_refuses_an_unsuitable_channel(
    examination: Examination, unsuitable: Callable[[Workspace], None]
) -> None:
    """If the app may not post, the last line says why and what to do, and nothing is posted."""
    subject, words = SUITABLE_ONLY[unsuitable]
    unsuitable(examination.workspace)
    await examination.run()
    ((failed, result, message),) = examination.negative
    assert examination.results[-1][0] == failed == subject
    assert result == "FAIL"
    assert words in message
    assert examination.workspace.messages.version == 0


def no_charts(workspace: Workspace) -> None:
    workspace.faults.add(Fault("no_charts"))


def no_menus(workspace: Workspace) -> None:
    """The message is accepted in the third attempt: with the chart, without the menu."""
    fault = Fault("refuse", times=2, method="chat.postMessage", error="invalid_blocks")
    workspace.faults.add(fault)


def no_buttons(workspace: Workspace) -> None:
    fault = Fault("refuse", times=3, method="chat.postMessage", error="invalid_blocks")
    workspace.faults.add(fault)


def chart_removed(workspace: Workspace) -> None:
    workspace.messages = LossyMessages(
        workspace, lambda blocks: [one for one in blocks if one["type"] != "data_visualization"]
    )


def without(blocks: Blocks, name: str) -> Blocks:
    """Remove a property from all blocks and elements."""
    parts: Blocks = []
    for block in blocks:
        kept = {key: value for key, value in block.items() if key != name}
        if "elements" in kept:
            kept["elements"] = without(kept["elements"], name)
        parts.append(kept)
    return parts


def menu_removed(workspace: Workspace) -> None:
    workspace.messages = LossyMessages(workspace, lambda blocks: without(blocks, "accessory"))


def confirm_removed(workspace: Workspace) -> None:
    workspace.messages = LossyMessages(workspace, lambda blocks: without(blocks, "confirm"))


def history_not_granted(workspace: Workspace) -> None:
    workspace.bot_scopes = BOT_SCOPES - {"channels:history"}


def history_late(workspace: Workspace) -> None:
    workspace.messages = LateMessages(workspace.clock)


def metadata_hidden(workspace: Workspace) -> None:
    workspace.shows_metadata = False


def block_ids_changed(workspace: Workspace) -> None:
    workspace.messages = LossyMessages(
        workspace,
        lambda blocks: [{**one, "block_id": str(place)} for place, one in enumerate(blocks)],
    )


def update_refused(workspace: Workspace) -> None:
    workspace.faults.add(Fault("refuse", method="chat.update", error="cant_update_message"))


def update_with_stored_blocks_refused(workspace: Workspace) -> None:
    """Slack stores a property that it doesn't accept, and the update sends it back."""
    workspace.messages = LossyMessages(
        workspace, lambda blocks: [{**one, "stored": True} for one in blocks]
    )


def update_not_shown(workspace: Workspace) -> None:
    workspace.messages = UnchangedMessages(workspace.clock)


ASSUMPTIONS: dict[Callable[[Workspace], None], tuple[str, str, str]] = {
    no_charts: ("chart", "miss", "digests show the same numbers as text; no action is needed"),
    chart_removed: ("chart", "miss", "Slack removed it from the message: digests show the same"),
    no_menus: ("menu", "FAIL", "Slack refuses it (invalid_blocks): report this"),
    menu_removed: ("menu", "FAIL", "Slack removed it from the message: report this"),
    no_buttons: ("button", "FAIL", "Slack refuses it (invalid_blocks): report this"),
    confirm_removed: ("button", "FAIL", "Slack removed it from the message: report this"),
    history_not_granted: ("history", "FAIL", "missing_scope: update the app from manifest.yml"),
    history_late: ("history", "FAIL", "the message isn't there after 2 s: report this"),
    metadata_hidden: ("metadata", "miss", "the app uses the other marker; no action is needed"),
    block_ids_changed: ("block_id", "miss", "the app uses the other marker; no action is needed"),
    update_refused: ("update", "FAIL", "cant_update_message: report this"),
    update_with_stored_blocks_refused: ("update", "FAIL", "invalid_blocks: report this"),
    update_not_shown: ("update", "FAIL", "the history still has the old text: report this"),
}


@pytest.mark.parametrize("broken", ASSUMPTIONS, ids=lambda case: case.__name__)
async def test_names_an_assumption_that_does_not_hold(
    examination: Examination, broken: Callable[[Workspace], None]
) -> None:
    """Only the broken assumption has a negative result, with the next step; the rest is tested."""
    expected, result, words = ASSUMPTIONS[broken]
    broken(examination.workspace)
    await examination.run()
    assert [line[:2] for line in examination.negative] == [(expected, result)]
    assert words in examination.negative[0][2]
    tested = [subject for subject, *_ in examination.results]
    markers = {"metadata", "block_id"} if expected == "history" else set()
    assert tested == [one for one in ["channel", *IN_ORDER, "delete"] if one not in markers]
    assert examination.messages == []


async def test_posts_that_cannot_be_recognized_are_a_failure(examination: Examination) -> None:
    """Without both markers the app can't find its posts, so both results are failures."""
    metadata_hidden(examination.workspace)
    block_ids_changed(examination.workspace)
    await examination.run()
    assert [line[:2] for line in examination.negative] == [
        ("metadata", "FAIL"),
        ("block_id", "FAIL"),
    ]


async def test_names_all_parts_that_are_refused_together(examination: Examination) -> None:
    """If no single part can be left out, the message is tested without all of them."""
    fault = Fault("refuse", times=4, method="chat.postMessage", error="invalid_blocks")
    examination.workspace.faults.add(fault)
    await examination.run()
    assert [subject for subject, *_ in examination.negative] == ["chart", "menu", "button"]
    assert examination.messages == []


async def test_says_where_a_message_is_that_cannot_be_deleted(examination: Examination) -> None:
    """If Slack refuses the deletion, the last line has a link to the message."""
    fault = Fault("refuse", method="chat.delete", error="cant_delete_message")
    examination.workspace.faults.add(fault)
    await examination.run()
    (left,) = examination.messages
    link = f"https://acme-shop.slack.com/archives/{CHANNEL}/p{left.ts.replace('.', '')}"
    words = f"cant_delete_message: look for the test message at {link}, and delete it"
    assert examination.results[-1] == ("delete", "FAIL", words)


async def test_a_message_that_someone_else_deleted_is_gone(examination: Examination) -> None:
    """If the message was deleted meanwhile, there is nothing to do."""
    fault = Fault("refuse", method="chat.delete", error="message_not_found")
    examination.workspace.faults.add(fault)
    await examination.run()
    assert examination.results[-1] == ("delete", "ok", "the message was deleted")


async def test_finds_a_message_whose_post_was_not_answered(examination: Examination) -> None:
    """If the connection breaks after the post, the message is searched for and deleted."""
    examination.workspace.faults.add(Fault("cut_after", method="chat.postMessage"))
    await examination.run()
    assert [line[:2] for line in examination.results] == [
        ("channel", "ok"),
        ("post", "FAIL"),
        ("delete", "ok"),
    ]
    assert "try again in 15 s" in examination.results[1][2]
    assert examination.slept == [2]
    assert examination.messages == []


async def test_says_that_a_message_may_be_left(examination: Examination) -> None:
    """If the outcome of the post stays unknown, the last line says where to look."""
    examination.workspace.faults.add(Fault("cut_before", method="chat.postMessage"))
    await examination.run()
    words = (
        "unknown whether the message was posted: look for the test message at "
        f"https://acme-shop.slack.com/archives/{CHANNEL}, and delete it"
    )
    assert examination.results[-1] == ("delete", "FAIL", words)


class Gate:
    """Holds the requests of one method until it is opened; `arrived` is set by the first."""

    def __init__(self, app: ASGIApp, method: str) -> None:
        self._app, self._path = app, f"/api/{method}"
        self.arrived, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._path:
            self.arrived.set()
            await self.opened.wait()
        await self._app(scope, receive, send)


@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.history", "chat.update"])
async def test_an_interrupted_check_deletes_its_message(
    examination: Examination, method: str
) -> None:
    """The message is deleted if the check is interrupted at any time, even while it is posted."""
    gate = Gate(create_app(examination.workspace), method)
    async with checking(examination, gate) as check:
        task = asyncio.create_task(check.run())
        await gate.arrived.wait()
        task.cancel()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert examination.results[-1] == ("delete", "ok", "the message was deleted")
    assert examination.messages == []


async def test_a_second_interruption_says_where_the_message_is(examination: Examination) -> None:
    """If the deletion is interrupted too, the last line has a link to the message."""
    gate = Gate(create_app(examination.workspace), "chat.delete")
    async with checking(examination, gate) as check:
        task = asyncio.create_task(check.run())
        await gate.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.opened.set()
    subject, result, words = examination.results[-1]
    assert (subject, result) == ("delete", "FAIL")
    assert words.startswith("interrupted: look for the test message at https://acme-shop.slack.com")
