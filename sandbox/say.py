"""`python -m sandbox say`: runs steps as one user, and prints the bot's answers."""

from __future__ import annotations

import codecs
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox import demo_state
from sandbox.slack.person import Exchange, Person, SandboxError
from sandbox.stack import running_stack
from sandbox.terminal import draw_message, draw_view

TIMEOUT_SECONDS = 60.0

NOT_SENT = frozenset({"write", "close"})
"""Steps that need no answer of the app: messages, and modals without notify_on_close."""

BEHIND_MODAL = frozenset({"command", "write", "shortcut", "home"})
"""Steps that are impossible while a modal is open, because it is in front."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of `run_step`; `given` is a text, a label, a name or label=value pairs."""

    kind: str
    given: list[str]


async def say(
    steps: Sequence[Step], *, user: str, channel: str, as_json: bool, folder: Path
) -> int:
    """Run the steps and print their results. The exit status is 1 if the bot sent an error."""
    if not steps:
        return _complain("Nothing to do. Give a command, --home, --shortcut, --click or --submit.")
    async with (
        _slack(folder) as slack_url,
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
    ):
        person = Person(http, slack_url, user, channel)
        exchanges: list[Exchange] = []
        is_at_home = False
        for step in steps:
            try:
                exchanges.append(await run_step(step, person, at_home=is_at_home))
            except (SandboxError, ValueError) as error:
                return _complain(str(error))
            is_at_home = step.kind == "home" or (is_at_home and step.kind not in BEHIND_MODAL)
        print(_payloads(exchanges) if as_json else "\n\n".join(map(Screen().draw, exchanges)))
    sent = [
        exchange
        for step, exchange in zip(steps, exchanges, strict=True)
        if step.kind not in NOT_SENT
    ]
    return int(any(map(is_error, sent)))


async def run_step(step: Step, person: Person, *, at_home: bool = False, nth: int = 1) -> Exchange:
    """Run a step, in the Home tab if it is open. Raises `SandboxError` or `ValueError`."""
    if step.kind in BEHIND_MODAL and (view := await person.view()):
        raise SandboxError(
            f"The modal “{view['title']['text']}” is open. Close it first: `close` at the prompt "
            "of the demo, `--close` with `say`."
        )
    match step.kind:
        case "command":
            return await person.command(_command(step.given[0]))
        case "click":
            return await person.click(step.given[0], nth=nth, at_home=at_home, in_front=True)
        case "close":
            return await person.close()
        case "home":
            return await person.open_home()
        case "shortcut":
            return await person.shortcut(step.given[0])
        case "write":
            return await person.write(step.given[0])
        case _:
            return await person.submit(dict(_pair(given) for given in step.given))


class Screen:
    """Renders what a user sees after each exchange. An unchanged modal is not repeated."""

    def __init__(self) -> None:
        self._modal = ""

    def draw(self, exchange: Exchange) -> str:
        """Render the new messages, a published Home tab, and the modal that is open."""
        parts = [draw_message(message) for message in exchange.messages]
        if exchange.home and any(sent["via"] == "views.publish" for sent in exchange.sent):
            parts.append(draw_message(exchange.home))
        before = self._modal
        self._modal = draw_view(exchange.view, exchange.field_errors) if exchange.view else ""
        if self._modal not in {"", before}:
            parts.append(self._modal)
        is_closed = before and not self._modal
        return "\n\n".join(parts) or ("(the modal is closed)" if is_closed else "(nothing new)")


def is_error(exchange: Exchange) -> bool:
    """Return whether the bot failed to respond, or responded with an error."""
    if exchange.ack_status != httpx.codes.OK or exchange.field_errors:
        return True
    return any(
        str(block.get("block_id", "")).startswith("error.")
        for payload in exchange.payloads
        for block in _blocks(payload)
    )


def _blocks(payload: dict[str, Any]) -> list[dict[str, Any]]:
    view = payload.get("view")
    found: list[dict[str, Any]] = (view if isinstance(view, dict) else payload).get("blocks", [])
    return found


def _payloads(exchanges: Sequence[Exchange]) -> str:
    sent = [payload for exchange in exchanges for payload in exchange.payloads]
    return json.dumps(sent, ensure_ascii=not _is_utf8(sys.stdout.encoding), indent=2)


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _command(text: str) -> str:
    if text.split(" ")[0] != "/emporix":
        raise ValueError("A command starts with /emporix.")
    return text


def _pair(given: str) -> tuple[str, str]:
    label, equals, value = given.partition("=")
    if not equals:
        raise ValueError(f"{given!r} isn't LABEL=VALUE.")
    return label, value


def _complain(words: str) -> int:
    print(words, file=sys.stderr)
    return 2


@asynccontextmanager
async def _slack(folder: Path) -> AsyncIterator[str]:
    """Yield the stand-in Slack of the running demo, or of a new stack with fresh data."""
    async with AsyncExitStack() as parts:
        url = await demo_state.slack_url(folder)
        if not url:
            fresh = parts.enter_context(tempfile.TemporaryDirectory(prefix="emporix-say-"))
            url = (await parts.enter_async_context(running_stack(Path(fresh)))).slack_url
        yield url
