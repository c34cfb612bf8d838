"""Validation of views."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.blockkit import view_problems
from tests.sandbox.slack.samples import actions, element, modal, mrkdwn, option, plain, text_input

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "long title": (
        modal(title=plain("x" * 25)),
        "must be less than 25 characters",
        "/view/title/text",
    ),
    "long submit": (
        modal(text_input(), submit=plain("x" * 25)),
        "must be less than 25 characters",
        "/view/submit/text",
    ),
    "long close": (
        modal(close=plain("x" * 25)),
        "must be less than 25 characters",
        "/view/close/text",
    ),
    "mrkdwn title": (modal(title=mrkdwn()), "unsupported type: mrkdwn", "/view/title/type"),
    "long callback_id": (
        modal(callback_id="x" * 256),
        "must be less than 256 characters",
        "/view/callback_id",
    ),
    "long private_metadata": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters",
        "/view/private_metadata",
    ),
    "unknown key": (modal(colour="red"), "invalid additional property: colour", "/view"),
    "block inside": (
        modal({"type": "table", "rows": []}),
        "unsupported type: table",
        "/view/blocks/0/type",
    ),
    "two with focus": (
        modal(*[text_input(element={"focus_on_load": True}) for _ in range(2)]),
        "only one element may have `focus_on_load`",
        "/view/blocks",
    ),
    "a home": (
        {"type": "home", "blocks": []},
        "unsupported type: home",
        "/view/type",
    ),
}


@pytest.mark.parametrize(("view", "words", "pointer"), WRONG.values(), ids=WRONG)
def test_errors_of_a_view_have_a_json_pointer(
    view: dict[str, Any], words: str, pointer: str
) -> None:
    """Each broken rule is the only error, with its JSON pointer."""
    assert view_problems(view, "modal") == [f"{words} [json-pointer:{pointer}]"]


@pytest.mark.parametrize("missing", ["title", "blocks"])
def test_a_modal_needs_its_title_and_blocks(missing: str) -> None:
    """A missing title or missing blocks are reported."""
    view = {name: value for name, value in modal().items() if name != missing}
    wanted = [f"missing required field: {missing} [json-pointer:/view]"]
    assert view_problems(view, "modal") == wanted


def test_inputs_need_a_submit_button() -> None:
    """A modal with inputs needs a submit button."""
    view = modal(text_input())
    del view["submit"]
    (problem,) = view_problems(view, "modal")
    assert "submit" in problem


def test_a_modal_at_the_limits_is_taken() -> None:
    """A modal at every limit is valid."""
    view = modal(
        text_input(),
        actions(element("checkboxes", options=[option()])),
        title=plain("x" * 24),
        submit=plain("x" * 24),
        close=plain("x" * 24),
        callback_id="x" * 255,
        private_metadata="x" * 3000,
        notify_on_close=True,
    )
    assert view_problems(view, "modal") == []


def test_a_home_tab_has_no_title() -> None:
    """A Home tab can't have fields of modals."""
    assert view_problems({"type": "home", "blocks": []}, "home") == []
    titled = {"type": "home", "blocks": [], "title": plain()}
    extra = ["invalid additional property: title [json-pointer:/view]"]
    assert view_problems(titled, "home") == extra
