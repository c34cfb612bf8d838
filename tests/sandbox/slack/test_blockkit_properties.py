"""The Block Kit validator with generated input."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack.blockkit import problems, view_problems
from sandbox.slack.blockkit.blocks import BLOCKS
from tests.sandbox.slack.samples import section

KEYS = st.sampled_from(["type", "text", "elements", "accessory", "options", "element", "rows"])
TYPES = st.sampled_from([*BLOCKS["kinds"], "button", "mrkdwn", "static_select"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4) | JSON)
def test_any_json_is_judged(blocks: Any) -> None:
    """For any JSON, the validator returns errors that each have a JSON pointer."""
    for problem in problems(blocks, "message"):
        assert "[json-pointer:/blocks" in problem


@given(JSON)
def test_any_view_is_judged(view: Any) -> None:
    """For any view, the validator returns errors that each have a JSON pointer."""
    for problem in view_problems(view, "modal"):
        assert "[json-pointer:/view" in problem


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3100))
def test_a_section_takes_1_to_3000_letters(text: str) -> None:
    """A section's text is valid if it has 1 to 3,000 characters."""
    assert (problems([section(text)], "message") == []) == (1 <= len(text) <= 3000)
