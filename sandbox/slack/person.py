"""A client that acts as a user of the stand-in, for tests and the command line.

ada = Person(http, slack_url)
exchange = await ada.command("/emporix jobs list")
await ada.click("Open")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

# The stand-in waits at most 3 s for the ack and 15 s for the app's work.
TIMEOUT_SECONDS = 30.0


class SandboxError(Exception):
    """The user, channel, button or field doesn't exist. The message lists those that do."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The result of one action, after the app has finished.

    `ack_status` is 0 if the app did not respond or no request was sent. `payloads` are the bodies
    that the app sent; `sent` has each with `via` and Slack's response. `messages` are the new and
    changed messages that this user sees, `view` is their top view and `home` their Home tab.
    `field_errors` are the errors below inputs, by block_id; `options` are the app's options for an
    external select.
    """

    ack_status: int
    ack_body: Any
    payloads: list[dict[str, Any]]
    sent: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    view: dict[str, Any] | None
    field_errors: dict[str, str]
    options: list[dict[str, Any]] = field(default_factory=list)
    home: dict[str, Any] | None = None


class Person:
    """A `user` acting in `channel`: a name, an id, or "dm". All actions raise `SandboxError`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        slack_url: str,
        user: str = "ada",
        channel: str = "general",
    ) -> None:
        self._http, self._url = http, f"{slack_url}/sandbox"
        self._who = {"user": user, "channel": channel}

    async def command(self, text: str) -> Exchange:
        """Send a command; `text` is the whole line, "/emporix jobs list"."""
        return await self._act("command", text=text)

    async def write(self, text: str, *, thread_ts: str = "") -> Exchange:
        """Post a message in the channel, or in one of its threads."""
        return await self._act("write", text=text, thread_ts=thread_ts)

    async def shortcut(self, name: str, *, ts: str = "") -> Exchange:
        """Choose a global shortcut, or a shortcut of the message `ts` or of the newest message."""
        return await self._act("shortcut", name=name, ts=ts)

    async def click(
        self,
        label: str = "",
        *,
        action_id: str = "",
        nth: int = 1,
        at_home: bool = False,
        in_front: bool = False,
    ) -> Exchange:
        """Click the nth button with this label, here or in the Home tab, and confirm its dialog.

        While a modal is open, messages can be clicked too, as in another window of Slack; with
        `in_front`, only the modal, and arrows and ellipses of the label can be omitted.
        """
        more = {"action_id": action_id, "nth": nth, "at_home": at_home, "in_front": in_front}
        return await self._act("click", label=label, **more)

    async def open_home(self, tab: str = "home") -> Exchange:
        """Open a tab of the app: home or messages."""
        return await self._act("home", tab=tab)

    async def share_channel(self) -> Exchange:
        """Share the channel with another organization (Slack Connect)."""
        return await self._act("share")

    async def unshare_channel(self) -> Exchange:
        """Stop sharing the channel."""
        return await self._act("unshare")

    async def remove_app(self) -> Exchange:
        """Remove the app from the channel."""
        return await self._act("remove_app")

    async def archive_channel(self) -> Exchange:
        """Archive the channel."""
        return await self._act("archive")

    async def delete_channel(self) -> Exchange:
        """Delete the channel."""
        return await self._act("delete_channel")

    async def change_status(self) -> Exchange:
        """Change the user's profile."""
        return await self._act("change_status")

    async def leave_company(self) -> Exchange:
        """Deactivate the user's account."""
        return await self._act("deactivate")

    async def revoke_token(self) -> Exchange:
        """Revoke the bot token of the app."""
        return await self._act("revoke")

    async def uninstall_app(self) -> Exchange:
        """Remove the app from the workspace."""
        return await self._act("uninstall")

    async def install_app(self) -> Exchange:
        """Install the app again."""
        return await self._act("install")

    async def choose(
        self, label: str, value: str | Sequence[str], *, action_id: str = "", nth: int = 1
    ) -> Exchange:
        """Set a select, picker, checkbox or input, by its label or placeholder.

        `value` is in the format of `sandbox.slack.values`; several options are a list.
        """
        more = {"label": label, "action_id": action_id, "nth": nth}
        return await self._act("choose", value=_plain(value), **more)

    async def suggest(self, label: str, typed: str, *, action_id: str = "") -> Exchange:
        """Type into an external select. The exchange's `options` are the app's options."""
        return await self._act("suggest", label=label, action_id=action_id, typed=typed)

    async def submit(self, values: Mapping[str, str | Sequence[str]]) -> Exchange:
        """Fill in the top view by label or block_id, and submit it."""
        given = {name: _plain(value) for name, value in values.items()}
        return await self._act("submit", values=given)

    async def close(self) -> Exchange:
        """Close the top view."""
        return await self._act("close")

    async def dismiss(self) -> Exchange:
        """Close the whole stack of views, by the cross in the corner."""
        return await self._act("dismiss")

    async def messages(self) -> list[dict[str, Any]]:
        """Return all messages that this user sees in the channel, oldest first."""
        answer = await self._http.get(f"{self._url}/messages", params=self._who)
        seen: list[dict[str, Any]] = _answer(answer)
        return seen

    async def view(self) -> dict[str, Any] | None:
        """Return the top view as Slack shows it to the app; None if no view is open."""
        answer = await self._http.get(f"{self._url}/view", params=self._who)
        top: dict[str, Any] | None = _answer(answer)
        return top

    async def files(self) -> list[dict[str, Any]]:
        """Return the files that this user sees, with `content` as text."""
        answer = await self._http.get(f"{self._url}/files", params=self._who)
        seen: list[dict[str, Any]] = _answer(answer)
        return seen

    async def _act(self, act: str, **more: Any) -> Exchange:
        body = {**self._who, **more}
        response = await self._http.post(f"{self._url}/{act}", json=body, timeout=TIMEOUT_SECONDS)
        answer = _answer(response)
        ack = answer["ack"] or {"status": 0, "body": None}
        return Exchange(
            ack_status=ack["status"],
            ack_body=ack["body"],
            payloads=[sent["payload"] for sent in answer["payloads"]],
            sent=answer["payloads"],
            messages=answer["messages"],
            view=answer["view"],
            field_errors=answer["field_errors"],
            options=answer["options"],
            home=answer["home"],
        )


def _plain(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _answer(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    raise SandboxError(answer.json()["error"])
