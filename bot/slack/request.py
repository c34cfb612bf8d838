"""A request from Slack: who acted, where, what they typed, and how to answer."""

from __future__ import annotations

import asyncio
import hashlib
import re
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
"""Format characters (category Cf) that are drawn: signs before Arabic and other numbers."""

_USELESS_JOINER = re.compile(
    rf"(?<![^\x00-\x7f\s])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f\s])|(?<=[{_JOINERS}])[{_JOINERS}]+"
)


def normalized(text: str) -> str:
    """`text` as it looks: composed (NFC), and without characters that nobody can see.

    Invisible characters come along when people paste, and make a word unlike the one it looks like:
    zero-width spaces, marks of direction, soft hyphens, control characters. Two of them mean
    something within words and emoji, and stay there: ZERO WIDTH (NON-)JOINER between two characters
    that are not ASCII, as in Persian and in family emoji. Ids and filters are ASCII. Line ends
    become newlines, half of a surrogate pair U+FFFD. Twice gives the same as once.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", text))
    seen = "".join(filter(_is_kept, unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFC", _USELESS_JOINER.sub("", seen))


def unescaped(text: str) -> str:
    """Slack escapes three characters in messages and in the text of commands, and only these."""
    for entity, letter in _ENTITIES:
        text = text.replace(entity, letter)
    return text


def _is_kept(letter: str) -> bool:
    if letter in "\n\t" or letter in _JOINERS or letter in _VISIBLE:
        return True
    return unicodedata.category(letter) not in {"Cc", "Cf"}


MAX_MESSAGE_PARTS = 5000
MAX_MESSAGE_CHARACTERS = 100_000
"""A message of Slack's has some 40,000 at most; what others attach may have any number."""

_SAYS = frozenset(
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
_HOLDS = ("text", "blocks", "attachments", "files")


def message_texts(message: Mapping[str, Any]) -> list[str]:
    """Every text in it, the message's own first, as it was typed; bounded, and raises nothing."""
    found, left = [], MAX_MESSAGE_CHARACTERS
    for text in _walk({name: message.get(name) for name in _HOLDS}):
        if left <= 0:
            break
        found.append(normalized(unescaped(text[:left])))
        left -= len(text)
    return found


def _walk(message: Mapping[str, Any]) -> Iterator[str]:
    """Breadth first: however deep something lies, what is near the top comes first."""
    waiting: deque[Any] = deque([message])
    for _ in range(MAX_MESSAGE_PARTS):
        if not waiting:
            return
        part = waiting.popleft()
        if isinstance(part, Mapping):
            is_file = "filetype" in part  # elsewhere `name` is that of an emoji
            for name, text in part.items():
                if (
                    isinstance(text, str)
                    and text
                    and (name in _SAYS or (name == "name" and is_file))
                ):
                    yield text
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part[:MAX_MESSAGE_PARTS])


ANSWERED, REFERENCE, DELIVERED = "answered", "reference", "delivered"
"""Names in Bolt's context: set by the web door, read here."""

HOME = "home"
"""Slack: the type of the view that an app has of its own, and the name of its tab."""

SELECTED_OPTIONS = "selected_options"
"""Slack: where the state of an element keeps what was ticked."""

ACK_TIMEOUT_SECONDS = 3.0  # Slack: by then it has given up on the answer


@dataclass(frozen=True, slots=True)
class SlackRequest:
    """One request of Slack's.

    `delivery` is the same when Slack repeats it, and empty where that cannot be told; `reference`
    names it in the log and in the message for an unknown error; `answered` is set when
    its HTTP answer is on the way. `message` is what a button stands in, or what a shortcut was
    called on: Slack shows it only where everyone sees it. `thread_ts` is the thread that new
    messages go to, empty for none. `tab` is the one of the app's own that was opened.
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

    @property
    def view_id(self) -> str:
        return str(self.view["id"]) if self.view else ""

    @property
    def metadata(self) -> str:
        """The private_metadata of the view."""
        return str((self.view or {}).get("private_metadata") or "")

    @property
    def is_in_modal(self) -> bool:
        """A Home tab is a view, too, but cannot be changed into a modal."""
        return self.view is not None and self.view.get("type") == "modal"

    @property
    def is_in_home(self) -> bool:
        """Whether somebody has opened their Home, or pressed something in it."""
        return self.tab == HOME or (self.view is not None and self.view.get("type") == HOME)

    @property
    def home_hash(self) -> str:
        """Names the Home as it was for the request; empty where none was, or where it is not it."""
        return str((self.view or {}).get("hash") or "") if self.is_in_home else ""

    async def until_answered(self) -> None:
        """Wait for the ack to leave: what follows it must not arrive before it."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_SECONDS):
                await self.answered.wait()
        except TimeoutError:
            return


def parse_request(request: AsyncBoltRequest) -> SlackRequest:
    """The request in our words; what Slack left out is empty."""
    body, context = request.body, request.context
    event = body.get("event") or {}
    return SlackRequest(
        caller=Caller(context.team_id or "", context.user_id or "", context.enterprise_id or ""),
        channel_id=context.channel_id or "",
        channel_name=str(body.get("channel_name") or (body.get("channel") or {}).get("name") or ""),
        response_url=context.response_url or "",
        trigger_id=body.get("trigger_id") or "",
        delivery=_delivery(body, context[DELIVERED]),
        view=body.get("view") or event.get("view"),
        message_ts=body.get("message_ts") or (body.get("container") or {}).get("message_ts") or "",
        message=body.get("message"),
        client=context.client,
        reference=context[REFERENCE],
        answered=context[ANSWERED],
        app_id=body.get("api_app_id") or "",
        tab=event.get("tab") or "",
        event=event,
    )


def _delivery(body: Mapping[str, Any], delivered: str) -> str:
    """A digest of what came: neither a trigger_id nor an event_id is given twice, so only a
    repetition equals it.
    """
    if not body.get("trigger_id") and not body.get("event_id"):
        return ""
    return hashlib.sha256(delivered.encode()).hexdigest()[:32]


class FormValues(dict[str, str]):
    """The fields of a modal; one that is not in it belongs to another version of the modal."""

    def __missing__(self, name: str) -> str:
        raise OutdatedButton


def form_values(view: Mapping[str, Any]) -> FormValues:
    """What was filled into a modal, by block_id; an empty field is an empty text.

    Of options it is their values, by comma where there are several.
    """
    filled = {block_id: _filled_in(element) for block_id, element in _filled(view)}
    return FormValues({block_id: normalized(text).strip() for block_id, text in filled.items()})


def checked_options(view: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The values of the options that were ticked, by the block_id of what takes several."""
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
    """Slack: each kind of element keeps its value under another name."""
    for name in ("value", "selected_date", "selected_time", "selected_conversation"):
        if element.get(name):
            return str(element[name])
    one = [element["selected_option"]] if element.get("selected_option") else []
    chosen = element.get("selected_options") or one
    return ",".join(str(option["value"]) for option in chosen)


def last_input(view: Mapping[str, Any]) -> str:
    """The block_id of a modal's last field, beside its submit button; empty where it has none."""
    blocks = reversed(view.get("blocks") or ())
    return next((str(b["block_id"]) for b in blocks if b.get("type") == "input"), "")
