"""What a person sees while an answer takes long: that it is still to come, and where.

Only `bot.slack.dispatch` knows of this; a listener replies as if it were quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.say.gate import gate
from bot.say.render import Say
from bot.slack.reply import Reply
from bot.slack.way_back import way_back

PATIENCE_SECONDS = 1.5
NOTICE_SECONDS = 3.0
"""How long a notice may be on its way; the answer itself waits for it, so as not to come first."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button that was pressed; `message` is empty where Slack does not show it to the app."""

    action_id: str
    value: str
    block_id: str
    message: Mapping[str, Any]


def pressed(payload: Mapping[str, Any]) -> Pressed:
    """The press in a `block_actions` payload. Slack: an ephemeral message comes without itself."""
    button = payload["actions"][0]
    is_shown = not (payload.get("container") or {}).get("is_ephemeral")
    message = payload.get("message") or {}
    return Pressed(
        action_id=str(button.get("action_id")),
        value=str(button.get("value") or ""),
        block_id=str(button.get("block_id")),
        message=message if is_shown and message.get("blocks") else {},
    )


class Sends(Reply, Protocol):
    """Brings rendered messages to somebody, too."""

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None: ...

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """To the response_url and nowhere else; whether Slack took it."""
        ...


class PatientReply:
    """A reply that says so when it is long in coming.

    `replaced` is the press whose answer takes the place of its message: that message becomes a
    placeholder. Where it is None, as after a slash command (Slack has nothing there to replace),
    one more line comes.

    An answer that leaves the message alone after all, as an error does, gives it back: whole where
    Slack has shown it to us, else by a button below the answer.
    """

    def __init__(self, say: Say, reply: Sends, replaced: Pressed | None) -> None:
        self._say, self._reply, self._replaced = say, reply, replaced
        self._one_at_a_time = asyncio.Lock()
        self._is_answered = False
        self._taken_away: Pressed | None = None
        self._notice: asyncio.Task[None] | None = None

    def begin(self, seconds: float) -> None:
        """Wait so long for the answer before saying that it is still to come."""
        self._notice = asyncio.create_task(self._notify(seconds))

    async def end(self) -> None:
        """Nothing is to come any more."""
        async with self._one_at_a_time:
            self._is_answered = True
        if self._notice:
            self._notice.cancel()

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: Mapping[str, Any] = self._say.render(template, **facts)
        async with self._one_at_a_time:
            self._is_answered = True
            if self._taken_away and not replace:
                message, replace = await self._give_back(self._taken_away, message)
            self._taken_away = None
            await self._reply.send(message, replace=replace)

    async def _notify(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._one_at_a_time:
            if self._is_answered:
                return
            # Also where it fails: a request that was cut off may have had its effect.
            self._taken_away = self._replaced
            await self._post(self._placeholder(), replace=self._replaced is not None)

    def _placeholder(self) -> Mapping[str, Any]:
        """The message with the pressed buttons replaced, or as much as can be said of it."""
        waiting: Mapping[str, Any] = self._say.render("patience")
        if self._replaced is None or not self._replaced.message:
            return waiting
        block_id, message = self._replaced.block_id, self._replaced.message
        return _message(message, _with_block(message["blocks"], block_id, waiting["blocks"]))

    async def _give_back(
        self, press: Pressed, message: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], bool]:
        """What is left to be sent after that, and whether it replaces the placeholder."""
        if press.message:
            await self._post(_message(press.message, press.message["blocks"]), replace=True)
            return message, False
        button = way_back(press.action_id, press.value)
        row: Mapping[str, Any] = self._say.render("patience.back", button=button)
        return gate({**message, "blocks": [*message["blocks"], *row["blocks"]]}), True

    async def _post(self, message: Mapping[str, Any], *, replace: bool) -> None:
        try:
            async with asyncio.timeout(NOTICE_SECONDS):
                await self._reply.post(message, replace=replace)
        except TimeoutError:
            return


def _with_block(blocks: Any, block_id: str, instead: Any) -> list[Any]:
    """`blocks` with one of them replaced; the buttons of others may still be pressed."""
    changed: list[Any] = []
    for block in blocks:
        changed += instead if block.get("block_id") == block_id else [block]
    return changed


def _message(message: Mapping[str, Any], blocks: Any) -> dict[str, Any]:
    return {"text": message.get("text") or "…", "blocks": blocks}
