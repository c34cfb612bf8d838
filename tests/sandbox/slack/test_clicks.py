"""Clicks: which button is meant, and the payload of the app."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack.blockkit.walk import Object
from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.interactive_elements import without_emoji
from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import (
    actions,
    button,
    confirm,
    element,
    modal,
    option,
    section,
)


def show(workspace: Workspace, *blocks: Object, only_for: str = "") -> str:
    """Post a message of the bot in #general, and return its timestamp."""
    shown = workspace.messages.add(
        "C0GENERAL", "A list", with_generated_ids(blocks), only_for=only_for
    )
    return shown.ts


async def test_a_click_carries_the_button_and_its_message(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """The payload has the action, the message and a response_url."""
    asked = confirm()
    pressed = button(":mag: Open", value="v1:42", style="primary", confirm=asked)
    ts = show(workspace, section(block_id="row", accessory=pressed))
    await ada.click("Open")
    (action,) = bot.last["actions"]
    assert float(action.pop("action_ts"))
    assert action == {**pressed, "block_id": "row"}
    assert (bot.last["type"], bot.last["message"]["ts"]) == ("block_actions", ts)
    assert bot.last["channel"] == {"id": "C0GENERAL", "name": "general"}
    assert bot.last["container"]["is_ephemeral"] is False
    assert "/actions/" in bot.last["response_url"]


async def test_a_click_on_an_ephemeral_message_carries_no_message(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """The payload of a click in an ephemeral message has no message."""
    ts = show(workspace, actions(button()), only_for="U0ADA")
    await ada.click("Open")
    assert "message" not in bot.last
    assert bot.last["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "C0GENERAL",
        "is_ephemeral": True,
    }


async def test_the_newest_message_with_such_a_button_is_meant(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A label means the newest message with such a button, and `nth` one of its buttons."""
    show(workspace, actions(button(value="old")))
    rows = [actions(button(value=value)) for value in ("first", "second")]
    show(workspace, *rows)
    show(workspace, section())
    await ada.click("open")
    await ada.click("Open", nth=2)
    pressed = [heard.fields["actions"][0]["value"] for heard in bot.heard]
    assert pressed == ["first", "second"]


async def test_a_button_can_be_meant_by_its_action_id(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A button can be found by its action_id alone."""
    show(workspace, actions(button("A", "jobs.open"), button("B", "jobs.delete")))
    await ada.click(action_id="jobs.delete")
    assert bot.last["actions"][0]["text"]["text"] == "B"


async def test_a_label_that_is_not_there_names_those_that_are(
    ada: Person, workspace: Workspace
) -> None:
    """For an unknown label, the error lists the existing ones."""
    show(workspace, actions(button("Next ▶️", "a"), button("Delete", "b")))
    with pytest.raises(SandboxError, match="there are: Next, Delete"):
        await ada.click("Opne")


async def test_ephemeral_messages_of_others_cannot_be_clicked(
    grace: Person, workspace: Workspace
) -> None:
    """Buttons of other users' ephemeral messages can't be clicked."""
    show(workspace, actions(button()), only_for="U0ADA")
    with pytest.raises(SandboxError):
        await grace.click("Open")


async def test_declining_a_confirm_dialog_sends_nothing(
    http: httpx.AsyncClient, slack_url: str, bot: FakeBot, workspace: Workspace
) -> None:
    """A cancelled confirm dialog sends nothing."""
    show(workspace, actions(button("Delete", confirm=confirm())))
    order = {"user": "ada", "label": "Delete", "confirm": False}
    result = (await http.post(f"{slack_url}/sandbox/click", json=order)).json()
    assert (result["ack"], bot.heard) == (None, [])


async def test_an_option_of_a_menu_can_be_selected(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """Overflow menus and selects send the selected option."""
    menu = element("overflow", options=[option("Open", "o"), option("Delete", "d")])
    show(workspace, section(accessory=menu))
    await ada.click("Delete")
    (action,) = bot.last["actions"]
    assert (action["type"], action["selected_option"]["value"]) == ("overflow", "d")


async def test_the_top_view_comes_before_messages(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """With an open modal, clicks go to it; their payload has the view and no response_url."""
    show(workspace, actions(button(value="message")))
    view = workspace.views.open("U0ADA", modal(actions(button(value="view"))))
    await ada.click("Open")
    assert bot.last["actions"][0]["value"] == "view"
    assert bot.last["container"] == {"type": "view", "view_id": view.id}
    assert bot.last["view"]["hash"] == view.hash
    assert "response_url" not in bot.last
    assert "channel" not in bot.last


async def test_a_choice_in_a_view_is_kept_in_its_state(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """`state.values` contains a selection in a view, already in its own payload."""
    menu = element("static_select", options=[option()])
    workspace.views.open("U0ADA", modal(actions(menu, block_id="filter")))
    await ada.click("Failed")
    values: dict[str, Any] = bot.last["view"]["state"]["values"]
    assert values["filter"]["static_select"]["selected_option"] == option()


@pytest.mark.parametrize(
    ("shown", "words"),
    [("🔎 Open", "Open"), (":mag: Open", "Open"), ("◀️  Page 1", "Page 1"), ("🔎", "🔎")],
)
def test_labels_are_compared_without_emoji(shown: str, words: str) -> None:
    """Labels match without shortcodes and Unicode emoji, unless they consist of emoji only."""
    assert without_emoji(shown) == words


EMOJI = st.sampled_from(["🔎", ":mag:", "◀️", ":white_check_mark:", "➡️"])
LABELS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1)


@given(words=LABELS, emoji=st.lists(st.tuples(EMOJI, st.integers(0, 9))))
def test_emoji_are_taken_away_once(words: list[str], emoji: list[tuple[str, int]]) -> None:
    """Emoji are removed anywhere between words, and doing it again changes nothing."""
    shown = list(words)
    for one, place in emoji:
        shown.insert(place, one)
    assert (
        without_emoji(" ".join(shown))
        == without_emoji(without_emoji(" ".join(shown)))
        == " ".join(words)
    )
