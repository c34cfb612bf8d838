"""Signed but malformed requests are refused or explained, and never cause an unexpected error."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

import bot.listeners
from bot.rendering import buttons
from bot.slack.decorators import discover
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import TEAM_ID
from tests.harness import sample_requests
from tests.harness.app import AppHarness
from tests.harness.logs import log_to_stderr
from tests.harness.signed_requests import Poster

REGISTRY = discover(bot.listeners)
MISSING = object()
WRONG: tuple[object, ...] = (MISSING, None, 5, "", [], {}, [None], {"id": 5}, "\ud800")

Path = tuple[str | int, ...]


def places(value: Any, so_far: Path = ()) -> Iterator[Path]:
    """The places of a payload where a value can be wrong."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inside:
        yield (*so_far, key)
        if isinstance(part, dict | list):
            yield from places(part, (*so_far, key))


def with_wrong(payload: dict[str, Any], path: Path, wrong: object) -> dict[str, Any]:
    changed = deepcopy(payload)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    if wrong is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = wrong
    return changed


EVENTS: dict[str, dict[str, Any]] = {
    "user_change": {"user": {"id": "U0GONE", "team_id": TEAM_ID, "deleted": True}},
    "tokens_revoked": {"tokens": {"oauth": ["U0GONE"], "bot": ["U0BOT"]}},
    "channel_archive": {"channel": "C0GONE", "user": "U0GONE", "user_team": TEAM_ID},
    "channel_shared": {"channel": "C0GONE", "connected_team_id": "T1", "source_team": TEAM_ID},
}
"""One event for each set of fields that a listener or the check of the installation reads."""


def event(kind: str) -> dict[str, Any]:
    return sample_requests.app_home_opened() | {"event": {"type": kind, **EVENTS[kind]}}


SAMPLES: dict[str, dict[str, Any]] = {
    "button": sample_requests.block_actions("nobody.hears.this", "", ""),
    "button of the Home tab": sample_requests.home_action("nobody.hears.this", "", "V1"),
    "Home tab": sample_requests.app_home_opened(),
    **{kind: event(kind) for kind in EVENTS},
    "message shortcut": sample_requests.message_action("nobody.hears.this", ""),
    "global shortcut": sample_requests.shortcut("nobody.hears.this"),
    "typing": sample_requests.block_suggestion(next(iter(REGISTRY.options)), "ab"),
    "submission": sample_requests.view_submission(
        buttons.CONNECT_SUBMIT, {"tenant": "acme", "client_id": "x"}
    ),
}
"""Without a response_url and a trigger of the stand-in's: what it refuses is not our fault."""


async def post(poster: Poster, payload: dict[str, Any]) -> int:
    is_event = payload.get("type") == "event_callback"
    answer = await (poster.event if is_event else poster.interaction)(payload)
    return answer.status_code


@pytest.mark.parametrize("kind", SAMPLES)
async def test_no_field_of_a_wrong_type_is_a_fault(
    harness: AppHarness, poster: Poster, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong value in any field of a sample causes no 5xx and no traceback."""
    wrong_ones = [
        (path, wrong, with_wrong(SAMPLES[kind], path, wrong))
        for path in places(SAMPLES[kind])
        for wrong in WRONG
    ]
    with log_to_stderr():
        for path, wrong, payload in wrong_ones:
            assert await post(poster, payload) < 500, (path, wrong)
        await poster.settled()
    written = capsys.readouterr().err
    assert "Traceback" not in written


FOREIGN: tuple[dict[str, Any], ...] = (
    {},
    {"of_another_form": {"x": {"type": "plain_text_input", "value": "words"}}},
    {"of_another_form": {"x": {"type": "checkboxes", "selected_options": []}}},
)
"""States of views: of no field, and of fields that the listener does not know."""


async def test_a_foreign_form_is_explained(
    harness: AppHarness, poster: Poster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A form of another version of the app gets a message or field errors."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    with log_to_stderr():
        for callback_id, state in product(REGISTRY.submissions, FOREIGN):
            payload = sample_requests.view_submission(callback_id, {})
            payload["view"]["state"]["values"] = state
            assert await post(poster, payload) == 200, (callback_id, state)
            await poster.settled()
            assert "Traceback" not in capsys.readouterr().err, (callback_id, state)


async def test_a_foreign_button_is_explained(
    harness: AppHarness, poster: Poster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A button of another version of the app gets a message."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    with log_to_stderr():
        for action_id, value in product(REGISTRY.actions, ("", "{", "[]", '{"k":"x"}')):
            payload = sample_requests.block_actions(action_id, value, "")
            assert await post(poster, payload) == 200, (action_id, value)
            await poster.settled()
            assert "Traceback" not in capsys.readouterr().err, (action_id, value)
