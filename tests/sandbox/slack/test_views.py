"""views.…: triggers, the stack of three, hashes, and the Home tab."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import StillClock
from tests.sandbox.slack.samples import modal, plain, text_input
from tests.sandbox.slack.test_web_api import refusal


@pytest.fixture
def trigger(workspace: Workspace) -> str:
    return workspace.triggers.new("U0ADA")


async def opened(web: AsyncWebClient, workspace: Workspace, **more: Any) -> dict[str, Any]:
    """Return a modal of Ada's as Slack responds with it."""
    trigger_id = workspace.triggers.new("U0ADA")
    answer = await web.views_open(trigger_id=trigger_id, view=modal(text_input(), **more))
    view: dict[str, Any] = answer["view"]
    return view


async def push(web: AsyncWebClient, workspace: Workspace, view_id: str) -> Any:
    trigger_id = workspace.triggers.new("U0ADA", view_id)
    return await web.views_push(trigger_id=trigger_id, view=modal())


async def test_a_trigger_opens_a_modal_for_its_user(
    web: AsyncWebClient, trigger: str, ada: Person, grace: Person
) -> None:
    """Only the trigger's user sees the modal."""
    answer = await web.views_open(trigger_id=trigger, view=modal())
    view = await ada.view()
    assert view is not None
    assert view["id"] == answer["view"]["id"]
    assert await grace.view() is None


async def test_a_trigger_works_once(web: AsyncWebClient, trigger: str) -> None:
    """A used trigger_id is refused with exchanged_trigger_id."""
    await web.views_open(trigger_id=trigger, view=modal())
    again = await refusal(web.views_open(trigger_id=trigger, view=modal()))
    assert again["error"] == "exchanged_trigger_id"


async def test_a_trigger_lives_three_seconds(
    web: AsyncWebClient, trigger: str, clock: StillClock
) -> None:
    """After three seconds, a trigger_id has expired."""
    clock.advance(3.001)
    late = await refusal(web.views_open(trigger_id=trigger, view=modal()))
    assert late["error"] == "expired_trigger_id"


async def test_a_trigger_still_works_at_three_seconds(
    web: AsyncWebClient, trigger: str, clock: StillClock
) -> None:
    """The limit itself is within the limit."""
    clock.advance(3)
    assert (await web.views_open(trigger_id=trigger, view=modal()))["ok"]


async def test_a_made_up_trigger_is_invalid(web: AsyncWebClient) -> None:
    """An invented trigger_id is invalid."""
    answer = await refusal(web.views_open(trigger_id="1.2.3", view=modal()))
    assert answer["error"] == "invalid_trigger_id"


async def test_a_bad_view_is_an_invalid_argument(web: AsyncWebClient, trigger: str) -> None:
    """Errors have JSON pointers into the view."""
    view = modal(title=plain("x" * 25))
    answer = await refusal(web.views_open(trigger_id=trigger, view=view))
    assert answer["error"] == "invalid_arguments"
    pointed = "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    assert answer["response_metadata"]["messages"] == [pointed]


async def test_three_modals_stack_and_a_fourth_does_not(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """A fourth modal is refused with push_limit_reached."""
    first = await opened(web, workspace)
    second = (await push(web, workspace, first["id"]))["view"]
    third = (await push(web, workspace, second["id"]))["view"]
    assert (third["root_view_id"], third["previous_view_id"]) == (first["id"], second["id"])
    assert (await refusal(push(web, workspace, third["id"])))["error"] == "push_limit_reached"


async def test_a_push_needs_an_act_inside_a_modal(web: AsyncWebClient, trigger: str) -> None:
    """A command's trigger_id can open a view, but not push one."""
    answer = await refusal(web.views_push(trigger_id=trigger, view=modal()))
    assert answer["error"] == "invalid_trigger_id"


async def test_an_update_with_an_old_hash_conflicts(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """An update with an old hash is refused."""
    view = await opened(web, workspace)
    new = await web.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    assert new["view"]["hash"] != view["hash"]
    late = web.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    assert (await refusal(late))["error"] == "hash_conflict"


async def test_a_view_that_is_closed_is_not_found(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """A closed view can't be updated."""
    view = await opened(web, workspace)
    await ada.close()
    late = web.views_update(view_id=view["id"], view=modal())
    assert (await refusal(late))["error"] == "not_found"


async def test_an_external_id_names_one_view(web: AsyncWebClient, workspace: Workspace) -> None:
    """A view can be updated by its external_id, which must be unique."""
    view = await opened(web, workspace, external_id="mine")
    named = modal(external_id="mine")
    assert (await web.views_update(external_id="mine", view=named))["view"]["id"] == view["id"]
    trigger_id = workspace.triggers.new("U0GRACE")
    twice = await refusal(web.views_open(trigger_id=trigger_id, view=named))
    assert twice["error"] == "duplicate_external_id"


async def test_inputs_keep_their_values_after_an_update(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """An input keeps its value while block_id and action_id stay the same."""
    field = text_input(block_id="tenant", element={"min_length": 5})
    trigger_id = workspace.triggers.new("U0ADA")
    view = (await web.views_open(trigger_id=trigger_id, view=modal(field)))["view"]
    await ada.submit({"Tenant": "acme"})
    updated = await web.views_update(view_id=view["id"], view=modal(field))
    assert updated["view"]["state"]["values"]["tenant"]["typed"]["value"] == "acme"


async def test_a_home_tab_is_published_for_a_user(web: AsyncWebClient) -> None:
    """Publishing again changes the same view, and its old hash conflicts."""
    home = {"type": "home", "blocks": []}
    first = (await web.views_publish(user_id="U0ADA", view=home))["view"]
    second = (await web.views_publish(user_id="U0ADA", view=home, hash=first["hash"]))["view"]
    assert second["id"] == first["id"]
    late = web.views_publish(user_id="U0ADA", view=home, hash=first["hash"])
    assert (await refusal(late))["error"] == "hash_conflict"
    nobody = web.views_publish(user_id="U0NOBODY", view=home)
    assert (await refusal(nobody))["error"] == "user_not_found"
