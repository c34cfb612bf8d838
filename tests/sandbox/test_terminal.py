"""The terminal renders everything that the app's templates produce."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.rendering.agent_message import agent_message_blocks
from bot.rendering.renderer import Renderer, examples
from sandbox.terminal import EMOJIS, draw_message, draw_view, words

RENDERER = Renderer.default()
TEMPLATES = Path(__file__).parents[2] / "templates"
_EXAMPLES = re.compile(r"\{#.*?#\}", re.DOTALL)


@pytest.mark.parametrize("name", RENDERER.templates())
def test_every_example_can_be_drawn(name: str) -> None:
    """The terminal renders all blocks of the examples."""
    for facts in examples(RENDERER, name).values():
        payload = RENDERER.render(name, **facts)
        if payload.get("type") == "modal":
            assert draw_view(payload, {})
        elif "blocks" in payload:
            assert draw_message(payload)


def test_every_emoji_of_ours_is_known() -> None:
    """Every emoji in the templates is known to the terminal and the page."""
    sources = (path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.j2"))
    spoken = "".join(_EXAMPLES.sub("", source) for source in sources)
    named = set(re.findall(r":[a-z_]+:", spoken))
    assert ":wastebasket:" in named
    assert named <= EMOJIS.keys()


def test_rich_text_is_drawn_as_it_reads() -> None:
    """Lists have markers, code and quotes a prefix, and links their URL."""
    text = "# T\n\n3. a\n   - b\n4. c\n\n> q\n\n```\nx\n  y\n```\n[w](https://a.example)"
    assert draw_message({"blocks": agent_message_blocks(text, 3000).blocks}).split("\n") == [
        "T",
        "3. a",
        "   • b",
        "4. c",
        "> q",
        "┃ x",
        "┃   y",
        "w <https://a.example> (a.example)",
    ]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<@U0ADA> shared jobs in <#C0OPS>", "@Ada Lovelace shared jobs in #ops"),
        ("<@U0NOBODY>", "<@U0NOBODY>"),
        ("*a* `R&amp;D *b* :x: <c>` *d*", "a `R&D *b* :x: <c>` d"),
        ("*Delete jobs of `acme`?* \0 `*b*`", "Delete jobs of `acme`?  `*b*`"),
    ],
)
def test_text_is_drawn_as_slack_shows_it(sent: str, shown: str) -> None:
    """Mentions are names, and nothing in inline code is a format."""
    assert words(sent) == shown
