"""Mrkdwn that is cut stays whole in its parts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.say.cut import cut, cut_as

_PIECES = (
    "word ", "&lt;!here&gt;", "&amp;", "<https://a.example/x|Open in the dashboard>", "`some code`",
    "```\nfenced code\n```", "\n", "*bold* ", "<!date^1^{time}|2025-11-24 16:00 UTC> ", "a" * 30,
)  # fmt: skip
well_formed = st.lists(st.sampled_from(_PIECES), max_size=60).map(" ".join)


@settings(max_examples=100)
@given(well_formed, st.integers(1, 400))
def test_cut_mrkdwn_stays_well_formed(text: str, limit: int) -> None:
    """No half entity, no half link, no open code, never too long, and a cut can be seen."""
    short = cut(text, limit)
    assert len(short) <= limit
    assert cut(short, limit) == short
    assert short == text or short.endswith("…")
    assert not re.search(r"&(?!lt;|gt;|amp;)", short)
    assert not re.sub(r"<[^<>]+>", "", short).count("<")
    assert short.count("```") % 2 == 0
    assert short.replace("```", "").count("`") % 2 == 0


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short", 5, "short"),
        ("one two three four five", 18, "one two three…"),
        ("abcdefgh &lt;x&gt;", 15, "abcdefgh…"),
        ("see <https://a.example|the whole dashboard>", 30, "see…"),
        ("abc `def ghi` jkl mno", 13, "abc `def`…"),
        ("abc ```def ghi jkl mno```", 18, "abc ```def ghi```…"),
        ("it`s a back-tick alone", 18, "it`s a back-ti…"),
        ("it`s\nmore `code` and more", 15, "it`s\nmore…"),
        ("abcdef `ghijklmnop`", 12, "abcdef…"),
        ("<https://a.example/everything|is one link>", 20, "…"),
        ("abcdef", 2, "…"),
    ],
)
def test_where_mrkdwn_is_cut(text: str, limit: int, short: str) -> None:
    """Entities and links go whole, code is closed, a lone back-tick stays a letter."""
    assert cut(text, limit) == short


def test_plain_text_is_cut_as_plain() -> None:
    """In plain text an ampersand or a bracket is a letter like any other."""
    assert cut_as("plain_text", "a<b&cdefgh", 6) == "a<b&c…"
    assert cut_as("mrkdwn", "a<bcdefghi", 8) == "a…"


def test_a_huge_text_is_cut_at_once() -> None:
    """A megabyte of back-ticks, brackets or entities takes no time that anybody notices."""
    for piece in ("`", "<", "&amp;", "``` ", "\n", "`a", " "):
        assert len(cut(piece * 300_000, 3000)) <= 3000
