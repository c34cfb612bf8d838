"""External selects: the app is asked for options while the user types."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import actions, element, modal, option, plain

OFFERED = [option("Complaint Agent", "complaint-agent"), option("Fraud Agent", "fraud-agent")]
SELECT = element("external_select", min_query_length=2, placeholder=plain("Agent"))


@pytest.fixture(autouse=True)
def shown(workspace: Workspace, bot: FakeBot) -> None:
    blocks = with_generated_ids([actions(SELECT, block_id="row")])
    workspace.messages.add("C0GENERAL", "Choose", blocks, only_for="U0ADA")
    bot.says({"options": OFFERED})


async def test_options_are_requested_from_the_app(ada: Person, bot: FakeBot) -> None:
    """The payload has the typed text and its element, but no response_url."""
    exchange = await ada.suggest("Agent", "ag")
    assert exchange.options == OFFERED
    asked = {name: bot.last[name] for name in ("type", "value", "action_id", "block_id")}
    assert asked == {
        "type": "block_suggestion",
        "value": "ag",
        "action_id": "external_select",
        "block_id": "row",
    }
    assert bot.last["container"]["is_ephemeral"] is True
    assert not {"trigger_id", "response_url", "message"} & bot.last.keys()


async def test_nothing_is_asked_before_enough_was_typed(ada: Person, bot: FakeBot) -> None:
    """Slack applies min_query_length."""
    assert (await ada.suggest("Agent", "a")).options == []
    assert bot.heard == []


async def test_a_suggested_option_can_be_selected(ada: Person, bot: FakeBot) -> None:
    """An option of the last suggestion can be chosen; for other text, the app is asked again."""
    await ada.suggest("Agent", "fraud")
    await ada.choose("Agent", "fraud-agent")
    assert [heard.fields["type"] for heard in bot.heard] == ["block_suggestion", "block_actions"]
    assert bot.last["actions"][0]["selected_option"] == OFFERED[1]
    await ada.choose("Agent", "Complaint Agent")
    with pytest.raises(SandboxError, match="Complaint Agent, Fraud Agent"):
        await ada.choose("Agent", "Import Agent")


async def test_options_come_in_groups_too(ada: Person, bot: FakeBot, workspace: Workspace) -> None:
    """Options can be in groups, and in a view the payload has the view."""
    bot.says({"option_groups": [{"label": plain("Agents"), "options": OFFERED}]})
    block = {"type": "input", "block_id": "agent", "label": plain("Who"), "element": SELECT}
    view = workspace.views.open("U0ADA", modal(block))
    assert (await ada.suggest("Who", "com")).options == OFFERED
    assert bot.last["view"]["id"] == view.id
    bot.says({})
    await ada.submit({"Who": "complaint-agent"})
    chosen = bot.last["view"]["state"]["values"]["agent"]["external_select"]
    assert chosen == {"type": "external_select", "selected_option": OFFERED[0]}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "none",
        {},
        {"options": [{"text": "Agent"}]},
        {"options": OFFERED * 51},
        {"options": None},
    ],
)
async def test_invalid_options_are_refused(ada: Person, bot: FakeBot, answer: Any) -> None:
    """For invalid options, the menu stays empty and shows an error."""
    bot.says(answer)
    with pytest.raises(SandboxError, match="offered nothing: invalid_options"):
        await ada.suggest("Agent", "com")


async def test_other_selects_are_not_asked_for(ada: Person, workspace: Workspace) -> None:
    """Only external selects request options."""
    blocks = with_generated_ids([actions(element("static_select", options=[option()]))])
    workspace.messages.add("C0GENERAL", "Choose", blocks)
    with pytest.raises(SandboxError, match="the same whatever is typed"):
        await ada.suggest("static_select", "com")
