"""As much of an agent's text as there is room for, within Slack's limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.say.layout import IN_MODAL, Layout, lay_out
from bot.say.rich_text import text_length
from sandbox.slack.blockkit import problems
from tests.say.hostile import hostile_text

MARKS = st.text('*_~`#>-|[]()!<&:1.\n \\"{}a', max_size=400)


def length(layout: Layout) -> int:
    return sum(text_length(block) for block in layout.blocks)


def test_a_short_text_is_whole() -> None:
    """Nothing is added and nothing taken away."""
    layout = lay_out("Sent.", 3000)
    assert layout == Layout(
        blocks=[
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "Sent."}]}
                ],
            }
        ],
        is_whole=True,
        length=5,
    )


def test_no_text_makes_no_blocks() -> None:
    """Slack refuses empty ones."""
    assert lay_out("", 3000) == lay_out(None, 3000) == Layout([], True, 0)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * 60 + "\n\n" + "b" * 60, 60),
        ("a" * 70 + "\n" + "b" * 60, 70),
        ("word " * 50, 99),
        ("x" * 200, 100),
    ],
    ids=["paragraph", "line", "word", "letter"],
)
def test_a_long_text_ends_where_it_may(text: str, kept: int) -> None:
    """After a paragraph, else a line, else a word; and it says how long the whole is."""
    layout = lay_out(text, 100)
    assert (layout.is_whole, layout.length, length(layout)) == (False, len(text), kept)


def test_json_is_code() -> None:
    """So nothing in it formats."""
    (block,) = lay_out('{"a": "*b* <!channel>"}', 3000).blocks
    assert block["elements"][0]["type"] == "rich_text_preformatted"


@given(hostile_text | MARKS, st.sampled_from([50, 3000, IN_MODAL]))
def test_slack_takes_every_layout(text: str, room: int) -> None:
    """As a message and as a modal, and nothing becomes much longer than it was."""
    layout = lay_out(text, room)
    for surface in ("message", "modal"):
        assert problems(layout.blocks, surface) == []
    assert all(text_length(block) <= 3000 for block in layout.blocks)
    assert length(layout) <= 2 * room + 200


@given(MARKS)
def test_every_letter_is_shown(text: str) -> None:
    """Markdown's signs may go; no word does."""
    layout = lay_out(text, 3000)
    if not text.lstrip().startswith(("{", "[", '"')):
        assert shown(layout).count("a") >= text.count("a") - text.count("`")


def shown(layout: Layout) -> str:
    return repr(layout.blocks)


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "[a](", "*a_ ", "**a** ", "`a``", ">", "- ", "  - a\n", "1. a\n", "|a|b|\n|-|-|\n",
     "a\n", "&amp;", "\\", '{"a":[', "[1,", "🙂", "<http:", "~~a", "```\n", "\u202e"],
)  # fmt: skip
def test_a_megabyte_is_laid_out_in_time(piece: str) -> None:
    """It is cut before it is read; a modal, of which there is more, takes a little longer."""
    text = "**a** " + piece * (1_000_000 // len(piece))
    started = time.process_time()
    assert not lay_out(text, 3000).is_whole or piece == "\u202e"
    assert time.process_time() - started < 1
    layout = lay_out(text, IN_MODAL)
    assert time.process_time() - started < 3
    assert len(layout.blocks) <= 95
    assert len(repr(layout.blocks).encode()) < 250_000


LABELS = st.text("abc XYZ", min_size=1, max_size=400).filter(str.strip)


@given(
    st.lists(
        st.one_of(
            st.integers(1, 700).map("word ".__mul__),
            LABELS.map(lambda label: f"[{label}](https://evil.example/login)"),
            st.integers(1, 120).map(lambda n: "*i* **b** " * n),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_link_and_its_host_are_never_parted(parts: list[str]) -> None:
    """However long the text is and wherever it is cut, behind a link stands where it leads."""
    for element in elements_of(lay_out(" ".join(parts), IN_MODAL)):
        leaves = element["elements"]
        for place, leaf in enumerate(leaves):
            if leaf["type"] == "link" and leaf["text"] != leaf["url"]:
                assert leaves[place + 1]["text"].startswith(" (evil.example)")


@pytest.mark.parametrize(("before", "block"), [(2900, 0), (2970, 1)])
def test_where_a_link_is_cut(before: int, block: int) -> None:
    """Where only the link would fit, it goes to the next block, with its host."""
    text = ("word " * 700)[:before] + " [Log in to your bank](https://evil.example/login) and more."
    (section,) = lay_out(text + " tail" * 200, IN_MODAL).blocks[block]["elements"]
    link, host = section["elements"][-2:] if block == 0 else section["elements"][:2]
    assert (link["type"], host["text"][:15]) == ("link", " (evil.example)")


def elements_of(layout: Layout) -> Iterator[dict[str, Any]]:
    """All that hold leaves, those in lists too."""
    waiting = [element for block in layout.blocks for element in block["elements"]]
    while waiting:
        element = waiting.pop()
        if "elements" in element.get("elements", [{}])[0]:
            waiting += element["elements"]
        else:
            yield element
