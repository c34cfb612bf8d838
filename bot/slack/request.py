"""A request from Slack: its user, channel, form values, and how to answer it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import OutdatedButton

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))

_LINE_END = re.compile("\r\n?|[\u0085\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_JOINERS = "\u200c\u200d"
_VISIBLE = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")
"""Format characters (category Cf) that are visible: signs before Arabic and other numbers."""

_USELESS_JOINER = re.compile(
    rf"(?<![^\x00-\x7f\s])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f\s])|(?<=[{_JOINERS}])[{_JOINERS}]+"
)


def normalized(text: str) -> str:
    """Normalize text to NFC and remove invisible characters; idempotent.

    Pasted text often contains zero-width spaces, direction marks, soft hyphens and control
    characters, so it differs from the same text typed by hand. ZERO WIDTH (NON-)JOINER is kept
    between two non-ASCII characters, where Persian and family emoji need it. Line ends become
    newlines, and a lone surrogate becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", text))
    seen = "".join(filter(_is_kept, unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFC", _USELESS_JOINER.sub("", seen))


def unescaped(text: str) -> str:
    """Undo Slack's escaping of three characters in messages and in the text of commands."""
    for entity, letter in _ENTITIES:
        text = text.replace(entity, letter)
    return text


def _is_kept(letter: str) -> bool:
    if letter in "\n\t" or letter in _JOINERS or letter in _VISIBLE:
        return True
    return unicodedata.category(letter) not in {"Cc", "Cf"}


MAX_MESSAGE_PARTS = 5000
MAX_MESSAGE_CHARACTERS = 100_000
"""Slack's messages have at most about 40,000, but attachments of other apps have no limit."""

_TEXT_FIELDS = frozenset(
    {
        "alt_text",
        "author_name",
        "fallback",
        "footer",
        "from_url",
        "initial_comment",
        "original_url",
        "plain_text",
        "pretext",
        "preview",
        "preview_plain_text",
        "subject",
        "text",
        "title",
        "title_link",
        "url",
        "value",
    }
)
_TEXT_CONTAINERS = ("text", "blocks", "attachments", "files")


def message_texts(message: Mapping[str, Any]) -> list[str]:
    """All texts of a message, normalized, its own text first; limited in length; never raises."""
    found, left = [], MAX_MESSAGE_CHARACTERS
    for text in _walk({name: message.get(name) for name in _TEXT_CONTAINERS}):
        if left <= 0:
            break
        found.append(normalized(unescaped(text[:left])))
        left -= len(text)
    return found


def _walk(message: Mapping[str, Any]) -> Iterator[str]:
    """The texts, breadth first: those near the top come before nested ones."""
    waiting: deque[Any] = deque([message])
    for _ in range(MAX_MESSAGE_PARTS):
        if not waiting:
            return
        part = waiting.popleft()
        if isinstance(part, Mapping):
            is_file = "filetype" in part  # otherwise, `name` is the name of an emoji
            for name, text in part.items():
                if (
                    isinstance(text, str)
                    and text
                    and (name in _TEXT_FIELDS or (name == "name" and is_file))
                ):
                    yield text
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part[:MAX_MESSAGE_PARTS])


ANSWERED, REFERENCE = "answered", "reference"
"""Names in Bolt's context: set in `bot.web`, read here."""

HOME = "home"
"""Slack: the type of the Home tab's view, and the name of the tab."""


def clicked(element: Mapping[str, Any]) -> tuple[str, str]:
    """The action id and the value of a button, or of the chosen option of an overflow menu.

    An option's value contains both, so a menu can offer the same actions as buttons.
    """
    if element.get("type") == "overflow":
        chosen = str((element.get("selected_option") or {}).get("value") or "")
        action_id, _, value = chosen.partition(" ")
        return action_id, value
    return str(element.get("action_id")), str(element.get("value") or "")


SELECTED_OPTIONS = "selected_options"
"""Slack: the key of an element's state with the selected options."""

ACK_TIMEOUT_SECONDS = 3.0  # Slack's own timeout


@dataclass(frozen=True, slots=True)
class SlackRequest:
    """One request from Slack.

    `delivery` is the same if Slack repeats the request, and empty if repeats can't be recognized;
    `reference` identifies it in the log and in the message for an unknown error; `answered` is set
    when its HTTP response is being sent. `message` is the message of the button or the shortcut,
    which Slack includes only if everyone can see it. `thread_ts` is the thread for new messages, or
    empty. `tab` is the tab of the app that was opened. `kind` is one of `KINDS`, and `arrived_at` a
    monotonic time.
    """

    caller: Caller
    channel_id: str
    response_url: str
    trigger_id: str
    delivery: str
    view: Mapping[str, Any] | None
    message_ts: str
    message: Mapping[str, Any] | None
    client: AsyncWebClient
    reference: str
    answered: asyncio.Event
    app_id: str = ""
    channel_name: str = ""
    value: str = ""
    thread_ts: str = ""
    tab: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    arrived_at: float = 0.0

    @property
    def view_id(self) -> str:
        return str(self.view["id"]) if self.view else ""

    @property
    def metadata(self) -> str:
        """The private_metadata of the view."""
        return str((self.view or {}).get("private_metadata") or "")

    @property
    def is_in_modal(self) -> bool:
        """Whether it came from a modal; a Home tab is a view, but not a modal."""
        return self.view is not None and self.view.get("type") == "modal"

    @property
    def is_in_home(self) -> bool:
        """Whether the user opened their Home tab, or clicked something in it."""
        return self.tab == HOME or (self.view is not None and self.view.get("type") == HOME)

    @property
    def home_hash(self) -> str:
        """The hash of the Home tab in the request; empty if the request is not from there."""
        return str((self.view or {}).get("hash") or "") if self.is_in_home else ""

    async def until_answered(self) -> None:
        """Wait until the ack is sent: later messages must not arrive before it."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_SECONDS):
                await self.answered.wait()
        except TimeoutError:
            return


KINDS = {
    "block_actions": "action",
    "block_suggestion": "options",
    "event_callback": "event",
    "message_action": "shortcut",
    "shortcut": "shortcut",
    "view_closed": "closing",
    "view_submission": "submission",
}
"""Kinds of requests by Slack's type; a command has none."""


def parse_request(request: AsyncBoltRequest) -> SlackRequest:
    """Convert a Bolt request to a SlackRequest; missing values are empty."""
    body, context = request.body, request.context
    event = body.get("event") or {}
    return SlackRequest(
        caller=Caller(context.team_id or "", context.user_id or "", context.enterprise_id or ""),
        channel_id=context.channel_id or "",
        channel_name=_channel_name(body),
        response_url=context.response_url or "",
        trigger_id=body.get("trigger_id") or "",
        delivery=_delivery(body),
        view=body.get("view") or event.get("view"),
        message_ts=body.get("message_ts") or (body.get("container") or {}).get("message_ts") or "",
        message=body.get("message"),
        client=context.client,
        reference=context[REFERENCE],
        answered=context[ANSWERED],
        app_id=body.get("api_app_id") or "",
        tab=event.get("tab") or "",
        event=event,
        kind=KINDS.get(body.get("type") or "", "command"),
        arrived_at=time.monotonic(),
    )


def _channel_name(body: Mapping[str, Any]) -> str:
    """The channel's name, in different fields for commands and interactions; "" for events."""
    channel = body.get("channel")
    name = channel.get("name") if isinstance(channel, Mapping) else body.get("channel_name")
    return name if isinstance(name, str) else ""


def _delivery(body: Mapping[str, Any]) -> str:
    """A hash of the request's trigger_id or event_id, to recognize repeats; "" without one.

    Both are unique, and stay the same if Slack repeats the request, over HTTP or in Socket Mode.
    """
    unique = body.get("trigger_id") or body.get("event_id")
    return hashlib.sha256(str(unique).encode()).hexdigest()[:32] if unique else ""


class FormValues(dict[str, str]):
    """The fields of a modal; a missing field means that the modal is from another version."""

    def __missing__(self, name: str) -> str:
        raise OutdatedButton


def form_values(view: Mapping[str, Any]) -> FormValues:
    """The values of a modal's fields by block_id, normalized; an empty field is "".

    Several options are separated by commas.
    """
    filled = {block_id: _filled_in(element) for block_id, element in _filled(view)}
    return FormValues({block_id: normalized(text).strip() for block_id, text in filled.items()})


def checked_options(view: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The values of the selected options by block_id, for fields that allow several."""
    return {
        block_id: tuple(str(option["value"]) for option in element[SELECTED_OPTIONS] or ())
        for block_id, element in _filled(view)
        if SELECTED_OPTIONS in element
    }


def _filled(view: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    state = (view.get("state") or {}).get("values") or {}
    for block_id, elements in state.items():
        for element in elements.values():
            yield block_id, element


def _filled_in(element: Mapping[str, Any]) -> str:
    """The value of a field. Slack uses a different key for each type of element."""
    for name in (
        *("value", "selected_date", "selected_time"),
        *("selected_conversation", "selected_user"),
    ):
        if element.get(name):
            return str(element[name])
    one = [element["selected_option"]] if element.get("selected_option") else []
    chosen = element.get("selected_options") or one
    return ",".join(str(option["value"]) for option in chosen)


def last_input(view: Mapping[str, Any]) -> str:
    """The block_id of a modal's last field, next to its submit button; "" if it has no fields."""
    blocks = reversed(view.get("blocks") or ())
    return next((str(b["block_id"]) for b in blocks if b.get("type") == "input"), "")
