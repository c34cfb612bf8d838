"""Submitting and closing views."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import element, modal, option, plain, text_input

FORM = modal(
    text_input("Tenant", block_id="tenant"),
    text_input("Note", block_id="note", optional=True),
    callback_id="connect",
    private_metadata="secretless",
)


@pytest.fixture(autouse=True)
def form(workspace: Workspace) -> None:
    workspace.views.open("U0ADA", FORM)


async def test_a_submission_contains_the_view_and_its_values(ada: Person, bot: FakeBot) -> None:
    """Values are by block_id and action_id, and an empty input is null."""
    await ada.submit({"Tenant": "acme"})
    view = bot.last["view"]
    assert (bot.last["type"], bot.last["response_urls"]) == ("view_submission", [])
    assert (view["callback_id"], view["private_metadata"]) == ("connect", "secretless")
    assert view["state"]["values"] == {
        "tenant": {"typed": {"type": "plain_text_input", "value": "acme"}},
        "note": {"typed": {"type": "plain_text_input", "value": None}},
    }
    told = {"id", "team_id", "type", "blocks", "hash", "title", "close", "submit", "app_id"}
    assert told | {"previous_view_id", "root_view_id", "external_id", "bot_id"} <= view.keys()


async def test_an_empty_ack_closes_the_view(ada: Person) -> None:
    """An empty ack closes the view and shows the one below."""
    exchange = await ada.submit({"tenant": "acme"})
    assert (exchange.ack_status, exchange.view, exchange.field_errors) == (200, None, {})


async def test_field_errors_appear_under_their_inputs(ada: Person, bot: FakeBot) -> None:
    """With field errors, the view stays open and keeps its values."""
    bot.says({"response_action": "errors", "errors": {"tenant": "No such tenant"}})
    exchange = await ada.submit({"Tenant": "acmee"})
    assert exchange.field_errors == {"tenant": "No such tenant"}
    assert exchange.view is not None


async def test_errors_for_unknown_fields_are_refused(ada: Person, bot: FakeBot) -> None:
    """For errors of an unknown block_id, Slack shows its own error."""
    bot.says({"response_action": "errors", "errors": {"tenent": "No such tenant"}})
    exchange = await ada.submit({"Tenant": "acmee"})
    assert "trouble" in exchange.field_errors[""]
    assert "tenent" in exchange.sent[0]["answer"]["errors"][0]


async def test_the_ack_can_update_the_view(ada: Person, bot: FakeBot) -> None:
    """An ack can replace the submitted view."""
    before = await ada.view()
    bot.says({"response_action": "update", "view": modal(title=plain("Done"))})
    view = (await ada.submit({"Tenant": "acme"})).view
    assert before is not None
    assert view is not None
    assert (view["id"], view["title"]["text"]) == (before["id"], "Done")


async def test_the_ack_can_push_a_view_and_clear_all(ada: Person, bot: FakeBot) -> None:
    """A pushed view is on top of the submitted one; clear closes both."""
    bot.says({"response_action": "push", "view": FORM})
    pushed = (await ada.submit({"Tenant": "acme"})).view
    assert pushed is not None
    assert pushed["previous_view_id"] == pushed["root_view_id"] != pushed["id"]
    bot.says({"response_action": "clear"})
    assert (await ada.submit({"Tenant": "acme"})).view is None


@pytest.mark.parametrize(
    "ack",
    [
        "Saved!",
        {"response_action": "close"},
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors", "errors": {"tenant": ""}},
        {"response_action": "update", "view": modal(title=plain("x" * 25))},
        {"response_action": "push", "view": None},
    ],
)
async def test_an_ack_that_makes_no_sense_leaves_the_view_open(
    ada: Person, bot: FakeBot, ack: Any
) -> None:
    """An invalid ack leaves the view open with Slack's error, and the response has the reason."""
    bot.says(ack)
    exchange = await ada.submit({"Tenant": "acme"})
    assert exchange.view is not None
    assert "trouble" in exchange.field_errors[""]
    assert exchange.sent[0]["answer"]["ok"] is False


async def test_slack_requires_values(ada: Person, bot: FakeBot) -> None:
    """Without a required value, nothing is sent."""
    exchange = await ada.submit({"Note": "hello"})
    assert (bot.heard, list(exchange.field_errors)) == ([], ["tenant"])


async def test_slack_checks_the_length_of_values(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """min_length and max_length are enforced before anything is sent."""
    field = text_input(block_id="b", element={"min_length": 2, "max_length": 3})
    workspace.views.open("U0ADA", modal(field))
    told = [(await ada.submit({"b": typed})).field_errors for typed in ("a", "abcd")]
    assert [list(errors) for errors in told] == [["b"], ["b"]]
    assert bot.heard == []


async def test_an_unknown_input_names_those_that_are_there(ada: Person) -> None:
    """For an unknown input, the error lists the existing ones."""
    with pytest.raises(SandboxError, match="Tenant, Note"):
        await ada.submit({"Tenent": "acme"})


async def test_choices_are_made_by_their_words(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """Options can be given by text or value, several of them separated by commas."""
    two = [option(), option("Waiting", "waiting")]
    one_of = {"type": "input", "label": plain("One"), "block_id": "one"}
    many = {"type": "input", "label": plain("Many"), "block_id": "many"}
    workspace.views.open(
        "U0ADA",
        modal(
            {**one_of, "element": element("static_select", options=two)},
            {**many, "element": element("checkboxes", options=two)},
        ),
    )
    await ada.submit({"One": "waiting", "Many": "Failed, Waiting"})
    values = bot.last["view"]["state"]["values"]
    assert values["one"]["static_select"]["selected_option"] == two[1]
    assert values["many"]["checkboxes"]["selected_options"] == two


async def test_closing_is_sent_if_the_view_requests_it(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """view_closed is sent only with notify_on_close."""
    await ada.close()
    assert bot.heard == []
    view = workspace.views.open("U0ADA", modal(notify_on_close=True))
    exchange = await ada.close()
    assert (bot.last["type"], bot.last["view"]["id"]) == ("view_closed", view.id)
    assert (bot.last["is_cleared"], exchange.view) == (False, None)


async def test_without_a_view_there_is_nothing_to_submit(grace: Person) -> None:
    """Only a user with an open view can submit or close one."""
    with pytest.raises(SandboxError, match="no view"):
        await grace.submit({})
    with pytest.raises(SandboxError, match="no view"):
        await grace.close()


async def test_a_view_without_submit_cannot_be_submitted(ada: Person, workspace: Workspace) -> None:
    """A view without a submit button can't be submitted."""
    workspace.views.open("U0ADA", modal())
    with pytest.raises(SandboxError, match="no submit"):
        await ada.submit({})
