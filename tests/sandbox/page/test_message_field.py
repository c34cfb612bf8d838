"""The message field, and the shortcuts beside it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot

HERE = "/page/ada/general"


async def act(page: httpx.AsyncClient, kind: str, **given: Any) -> httpx.Response:
    return await page.post(f"{HERE}/{kind}", json=given)


async def shown(page: httpx.AsyncClient, who: str = "ada") -> str:
    return str((await page.get(f"/page/{who}/general/parts")).json()["messages"])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("see https://e.example/?a=1&b=2.", "see <https://e.example/?a=1&amp;b=2>."),
        ("(http://e.example/x), <b>", "(<http://e.example/x>), &lt;b&gt;"),
        ("https:// alone", "https:// alone"),
    ],
)
async def test_words_are_kept_as_slack_keeps_them(
    page: httpx.AsyncClient, workspace: Workspace, typed: str, kept: str
) -> None:
    """Three characters are escaped, and links are marked without trailing punctuation."""
    await act(page, "say", text=typed)
    (message,) = workspace.messages.of_channel("C0GENERAL")
    assert (message.text, message.user_id) == (kept, "U0ADA")


async def test_a_reply_goes_into_its_thread(page: httpx.AsyncClient, workspace: Workspace) -> None:
    """A reply is in its thread, visible to everyone."""
    ts = workspace.messages.add("C0GENERAL", "question", [], user_id="U0GRACE").ts
    await act(page, "say", text="answer", thread=ts)
    assert workspace.messages.of_channel("C0GENERAL")[-1].thread_ts == ts
    assert "1 reply" in await shown(page, "grace")


async def test_a_thread_has_no_commands(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """A command in a thread is refused and not sent to the app."""
    ts = workspace.messages.add("C0GENERAL", "question", []).ts
    await act(page, "say", text="/emporix jobs", thread=ts)
    assert bot.heard == []
    assert "is not supported in threads" in await shown(page)
    assert "is not supported in threads" not in await shown(page, "grace")


async def test_a_shortcut_of_a_message_tells_which(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """A message shortcut's payload contains the shortcut and the whole message."""
    ts = workspace.messages.add("C0GENERAL", "job 42", [], user_id="U0GRACE").ts
    workspace.messages.add("C0GENERAL", "newer", [])
    await act(page, "shortcut", name="jobs.find.start", ts=ts)
    assert (bot.last["type"], bot.last["callback_id"]) == ("message_action", "jobs.find.start")
    assert bot.last["message"]["text"] == "job 42"


async def test_a_shortcut_of_the_workspace_needs_no_message(
    page: httpx.AsyncClient, bot: FakeBot
) -> None:
    """The menu beside the message field has the global shortcuts."""
    await act(page, "shortcut", name="jobs.filter.start")
    assert (bot.last["type"], bot.last["callback_id"]) == ("shortcut", "jobs.filter.start")


async def test_menus_have_the_shortcuts_of_the_app(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Each menu has the shortcuts of its kind, and ephemeral messages have none."""
    whole = (await page.get(HERE)).text
    for shortcut in workspace.shortcuts:
        menu = whole.split(f'id="shortcuts-{shortcut.kind}"')[1].split("</div>")[0]
        assert shortcut.name in menu
    workspace.messages.add("C0GENERAL", "a secret", [], only_for="U0ADA")
    assert "shortcuts-message" not in await shown(page)
    workspace.messages.add("C0GENERAL", "for all", [])
    assert "shortcuts-message" in await shown(page)


async def test_a_shortcut_that_is_not_there_is_refused(page: httpx.AsyncClient) -> None:
    """An unknown shortcut, or one of a deleted message, is refused."""
    answer = await act(page, "shortcut", name="jobs.dance")
    assert (answer.status_code, "no shortcut" in answer.json()["error"]) == (404, True)
    answer = await act(page, "shortcut", name="jobs.find.start", ts="1.000100")
    assert (answer.status_code, "no message" in answer.json()["error"]) == (404, True)
