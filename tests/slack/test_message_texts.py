"""All that a message says, found wherever Slack keeps it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.slack.message_texts import MOST_LETTERS, texts

KEYS = st.sampled_from(["text", "blocks", "attachments", "elements", "fields", "value", "title"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def nested(text: str, depth: int) -> Any:
    block: Any = {"type": "text", "text": text}
    for _ in range(depth):
        block = {"elements": [block]}
    return block


def test_reads_text_blocks_and_attachments() -> None:
    """The message's own text comes first."""
    message = {
        "text": "A &lt;job&gt; &amp; more",
        "blocks": [
            {"type": "rich_text", "elements": [nested("deep", 3)]},
            {"type": "actions", "elements": [{"text": {"text": "Open"}, "value": "packed"}]},
        ],
        "attachments": [{"fallback": "CI failed", "title_link": "https://ci.example/1"}],
        "user": "U0ADA",
    }
    found = texts(message)
    assert found[0] == "A <job> & more"
    assert {"deep", "Open", "packed", "CI failed", "https://ci.example/1"} <= set(found)
    assert "U0ADA" not in found


def test_ends_somewhere() -> None:
    """Neither depth nor length nor number keeps anybody waiting."""
    assert texts({"blocks": [nested("lost", 20_000)]}) == []
    long = texts({"text": "x" * 10**6, "attachments": [{"text": "y"}] * 10**5})
    assert sum(map(len, long)) <= MOST_LETTERS


@given(st.dictionaries(KEYS, ANYTHING))
def test_bears_any_shape(message: dict[str, Any]) -> None:
    """What is no text is nothing."""
    assert all(isinstance(text, str) for text in texts(message))
