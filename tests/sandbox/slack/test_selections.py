"""Selects, pickers, checkboxes and inputs: their state and their actions."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import (
    Block,
    actions,
    button,
    confirm,
    element,
    modal,
    option,
    plain,
    section,
)

TWO = [option(), option("Waiting", "waiting")]

# The element, the user's input, and the value that Slack stores.
CHOICES: dict[str, tuple[Block, str | list[str], Any]] = {
    "static_select": (element("static_select", options=TWO), "Waiting", TWO[1]),
    "radio_buttons": (element("radio_buttons", options=TWO), "waiting", TWO[1]),
    "checkboxes": (element("checkboxes", options=TWO), ["Waiting", "Failed"], TWO[::-1]),
    "multi_static_select": (element("multi_static_select", options=TWO), "Failed", TWO[:1]),
    "users_select": (element("users_select"), "@grace", "U0GRACE"),
    "channels_select": (element("channels_select"), "#ops", "C0OPS"),
    "conversations_select": (element("conversations_select"), "board", "C0BOARD"),
    "datepicker": (element("datepicker"), "2026-11-24", "2026-11-24"),
    "timepicker": (element("timepicker"), "08:05", "08:05"),
    "datetimepicker": (element("datetimepicker"), "2026-11-24T08:05", 1_795_503_900),
    "plain_text_input": (element("plain_text_input"), "refund, late", "refund, late"),
    "number_input": (element("number_input", is_decimal_allowed=False), "12", "12"),
}
IN_MESSAGES = [kind for kind in CHOICES if not kind.endswith("_input")]
FIELD = {
    "plain_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}


def show(workspace: Workspace, *blocks: Block) -> str:
    return workspace.messages.add("C0GENERAL", "Choose", with_generated_ids(blocks)).ts


def field(shown: Block, **more: Any) -> Block:
    """An input block called by its block_id."""
    named = {"type": "input", "block_id": "field", "label": plain("Field")}
    return {**named, "element": shown, **more}


@pytest.mark.parametrize("kind", IN_MESSAGES)
async def test_a_choice_in_a_message_is_sent_immediately(
    kind: str, ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A choice in a message is sent immediately, in the action and in the state."""
    shown, given, kept = CHOICES[kind]
    block = section(accessory=shown) if kind == "multi_static_select" else actions(shown)
    show(workspace, {**block, "block_id": "row"})
    await ada.choose("", given, action_id=kind)
    (action,) = bot.last["actions"]
    assert (action["type"], action[FIELD[kind]], action["block_id"]) == (kind, kept, "row")
    assert float(action["action_ts"])
    assert bot.last["state"]["values"]["row"][kind] == {"type": kind, FIELD[kind]: kept}


@pytest.mark.parametrize("kind", CHOICES)
async def test_an_input_waits_for_the_submission(
    kind: str, ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A choice in an input block is sent with the submission, not before."""
    shown, given, kept = CHOICES[kind]
    workspace.views.open("U0ADA", modal(field(shown)))
    await ada.choose("Field", given)
    assert bot.heard == []
    await ada.submit({})
    values = bot.last["view"]["state"]["values"]
    assert values == {"field": {kind: {"type": kind, FIELD[kind]: kept}}}


async def test_an_input_with_dispatch_action_is_sent_immediately(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """With dispatch_action, an input is sent immediately."""
    workspace.views.open("U0ADA", modal(field(CHOICES["static_select"][0], dispatch_action=True)))
    await ada.choose("Field", "Waiting")
    assert bot.last["actions"][0]["selected_option"] == TWO[1]
    assert bot.last["container"]["type"] == "view"


async def test_each_person_has_their_own_choice(
    ada: Person, grace: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """Each user of a message has their own state, which a click sends."""
    show(workspace, actions(CHOICES["static_select"][0], button("Go"), block_id="row"))
    await ada.choose("", "Waiting", action_id="static_select")
    sent = []
    for person in (ada, grace):
        await person.click("Go")
        sent.append(bot.last["state"]["values"]["row"]["static_select"]["selected_option"])
    assert sent == [TWO[1], None]


async def test_a_changed_message_keeps_its_state(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A changed message keeps the state while block_id and action_id stay the same."""
    blocks = [actions(CHOICES["datepicker"][0], button("Go"), block_id="row")]
    ts = show(workspace, *blocks)
    await ada.choose("", "2026-11-24", action_id="datepicker")
    message = workspace.messages.find("C0GENERAL", ts)
    assert message is not None
    workspace.messages.replace(message, "Choose", with_generated_ids([section(), *blocks]))
    await ada.click("Go")
    assert bot.last["state"]["values"]["row"]["datepicker"]["selected_date"] == "2026-11-24"


async def test_a_cancelled_confirmation_sends_nothing(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """A cancelled confirm dialog of a select sends nothing."""
    show(workspace, actions({**CHOICES["static_select"][0], "confirm": confirm()}))
    wanted = {"action_id": "static_select", "value": "Waiting", "confirm": False}
    assert (await ada._act("choose", **wanted)).ack_status == 0
    assert bot.heard == []
    await ada.choose("", "Waiting", action_id="static_select")
    assert len(bot.heard) == 1


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("static_select", "Weiting", "there are: Failed, Waiting"),
        ("static_select", ["Failed", "Waiting"], "only one"),
        ("users_select", "@nobody", "no user"),
        ("channels_select", "board", "no conversation"),
        ("datepicker", "24.11.2026", "2026-11-24"),
        ("timepicker", "noon", "23:59"),
        ("datetimepicker", "tomorrow", "T23:59"),
    ],
)
async def test_an_unknown_option_lists_the_existing_ones(
    kind: str, given: Any, words: str, ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """For an unknown option, the error lists the existing ones, and nothing is sent."""
    show(workspace, actions(CHOICES[kind][0]))
    with pytest.raises(SandboxError, match=words):
        await ada.choose("", given, action_id=kind)
    assert bot.heard == []


async def test_slack_itself_counts_choices(ada: Person, workspace: Workspace) -> None:
    """max_selected_items is enforced."""
    show(
        workspace, section(accessory={**CHOICES["multi_static_select"][0], "max_selected_items": 1})
    )
    with pytest.raises(SandboxError, match="at most 1"):
        await ada.choose("", ["Failed", "Waiting"], action_id="multi_static_select")


@pytest.mark.parametrize(
    ("typed", "words"),
    [("abc", "number"), ("NaN", "number"), ("1.5", "whole"), ("0", "1 or more"), ("8", "7 or")],
)
async def test_slack_itself_checks_numbers(
    typed: str, words: str, ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """Number inputs are validated before anything is sent."""
    shown = element("number_input", is_decimal_allowed=False, min_value="1", max_value="7")
    workspace.views.open("U0ADA", modal(field(shown)))
    assert words in (await ada.submit({"Field": typed})).field_errors["field"]
    assert bot.heard == []


@pytest.mark.parametrize(
    ("filtered", "refused"),
    [
        ({"include": ["public"]}, "board"),
        ({"include": ["private"]}, "general"),
        ({"exclude_external_shared_channels": True}, "partners"),
        ({"exclude_bot_users": True}, "dm"),
    ],
)
async def test_a_filter_leaves_conversations_out(
    filtered: Any, refused: str, ada: Person, workspace: Workspace
) -> None:
    """Conversations excluded by a filter can't be chosen."""
    workspace.directory.direct(workspace.directory.user("ada"))
    show(workspace, actions(element("conversations_select")))
    await ada.choose("", refused, action_id="conversations_select")
    show(workspace, actions(element("conversations_select", filter=filtered)))
    with pytest.raises(SandboxError, match="no conversation"):
        await ada.choose("", refused, action_id="conversations_select")


async def test_a_form_can_begin_with_the_current_conversation(
    ada: Person, bot: FakeBot, workspace: Workspace, web: Any
) -> None:
    """default_to_current_conversation selects the command's channel, and the reply can go there."""
    select = element(
        "conversations_select", default_to_current_conversation=True, response_url_enabled=True
    )

    async def opens(fields: Any) -> None:
        if "trigger_id" in fields and "view" not in fields:
            await web.views_open(trigger_id=fields["trigger_id"], view=modal(field(select)))

    bot.script = opens
    await ada.command("/emporix digest")
    await ada.submit({})
    assert bot.last["view"]["state"]["values"]["field"]["conversations_select"] == {
        "type": "conversations_select",
        "selected_conversation": "C0GENERAL",
    }
    (url,) = bot.last["response_urls"]
    assert (url["channel_id"], url["block_id"]) == ("C0GENERAL", "field")
    assert "/commands/" in url["response_url"]
