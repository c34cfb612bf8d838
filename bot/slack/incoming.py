"""What Slack sent, in the words of this app: who, where, and how to answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import Caller

ANSWERED, REFERENCE = "answered", "reference"
"""Names in Bolt's context: set by the web door, read here."""

SINGLE = ("value", "selected_option", "selected_date", "selected_conversation")
"""Slack: where the state of an element keeps what was given, as far as forms here have such."""

ANSWERED_SECONDS = 3.0  # Slack: by then it has given up on the answer


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request of Slack's.

    `delivery` is the same when Slack repeats it, and empty where that cannot be told; `reference`
    names it in the log and in the message for an unknown error; `answered` is set when
    its HTTP answer is on the way. `message` is what a button stands in: Slack shows it only where
    everyone sees it.
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

    @property
    def view_id(self) -> str:
        return str(self.view["id"]) if self.view else ""

    @property
    def memory(self) -> str:
        """What the view remembers: its private_metadata."""
        return str((self.view or {}).get("private_metadata") or "")

    @property
    def is_in_modal(self) -> bool:
        """A Home tab is a view, too, but cannot be changed into a modal."""
        return self.view is not None and self.view.get("type") == "modal"

    async def until_answered(self) -> None:
        """Wait for the ack to leave: what follows it must not arrive before it."""
        try:
            async with asyncio.timeout(ANSWERED_SECONDS):
                await self.answered.wait()
        except TimeoutError:
            return


def read(request: AsyncBoltRequest) -> Incoming:
    """The request in our words; what Slack left out is empty."""
    body, context = request.body, request.context
    return Incoming(
        caller=Caller(context.team_id or "", context.user_id or "", context.enterprise_id or ""),
        channel_id=context.channel_id or "",
        response_url=context.response_url or "",
        trigger_id=body.get("trigger_id") or "",
        delivery=_delivery(request),
        view=body.get("view"),
        message_ts=(body.get("container") or {}).get("message_ts") or "",
        message=body.get("message"),
        client=context.client,
        reference=context[REFERENCE],
        answered=context[ANSWERED],
    )


def _delivery(request: AsyncBoltRequest) -> str:
    """A digest of the body: its trigger_id is never given twice, so only a repetition equals it."""
    if not request.body.get("trigger_id"):
        return ""
    return hashlib.sha256(request.raw_body.encode()).hexdigest()[:32]


def submitted(view: Mapping[str, Any]) -> dict[str, str]:
    """What was typed or chosen in a modal, by block_id; an empty field is an empty text."""
    return {block_id: _single(element) for block_id, element in _filled(view)}


def _filled(view: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    state = (view.get("state") or {}).get("values") or {}
    for block_id, elements in state.items():
        for element in elements.values():
            yield block_id, element


def _single(element: Mapping[str, Any]) -> str:
    found = next((element[name] for name in SINGLE if element.get(name)), "")
    return str(found["value"] if isinstance(found, Mapping) else found).strip()


def first_input(view: Mapping[str, Any]) -> str:
    """The block_id of a modal's first field; empty where it has none."""
    blocks = view.get("blocks") or ()
    return next((str(b["block_id"]) for b in blocks if b.get("type") == "input"), "")
