"""Mrkdwn that is cut stays whole in its parts."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering.text import clean, clean_start, cut, cut_as, escape, is_blank, one_line, shorten
from tests.rendering.hostile import NOT_SENDABLE, hostile_text

_PIECES = (
    "word ", "&lt;!here&gt;", "&amp;", "<https://a.example/x|Open in the dashboard>", "`some code`",
    "```\nfenced code\n```", "\n", "*bold* ", "<!date^1^{time}|2025-11-24 16:00 UTC> ", "a" * 30,
)  # fmt: skip
well_formed = st.lists(st.sampled_from(_PIECES), max_size=60).map(" ".join)


@settings(max_examples=100)
@given(well_formed, st.integers(1, 400))
def test_cut_mrkdwn_stays_well_formed(text: str, limit: int) -> None:
    """Shortened mrkdwn has no split entities, links or code, and ends with an ellipsis."""
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
    """Entities and links are removed completely, code is closed, and a lone backtick is kept."""
    assert cut(text, limit) == short


def test_plain_text_is_cut_as_plain() -> None:
    """In plain text, ampersands and brackets have no special meaning."""
    assert cut_as("plain_text", "a<b&cdefgh", 6) == "a<b&c…"
    assert cut_as("mrkdwn", "a<bcdefghi", 8) == "a…"


def test_a_huge_text_is_cut_at_once() -> None:
    """A megabyte of back-ticks, brackets or entities takes no time that anybody notices."""
    for piece in ("`", "<", "&amp;", "``` ", "\n", "`a", " "):
        assert len(cut(piece * 300_000, 3000)) <= 3000


quick = settings(max_examples=100)


@quick
@given(hostile_text)
def test_clean_text_can_be_sent(text: str) -> None:
    """Cleaned text is UTF-8 without controls, bidirectional marks or non-characters."""
    cleaned = clean(text)
    assert not NOT_SENDABLE.search(cleaned)
    cleaned.encode()
    assert clean(cleaned) == cleaned


@quick
@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_is_unchanged(text: str) -> None:
    """Letters, signs and spaces of any language are unchanged."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
        ("\x00a\x1b[31m\x7f\x85", "a[31m"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069x", "x"),
        ("\ufdd0\ufdef\ufffe\uffff\U0001ffff\U0010fffex", "x"),
        ("\ud83dx\udc00", "\ufffdx\ufffd"),
        ("👩‍👩‍👧 ok\u00a0", "👩‍👩‍👧 ok\u00a0"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    """Line endings become newlines, lone surrogates U+FFFD, and invisible controls are removed."""
    assert clean(text) == cleaned


def test_containers_are_cleaned_within() -> None:
    """Keys and items of lists, tuples and dicts are cleaned; numbers, None and truth stay."""
    assert clean({"a\x00": ["\u202eb", ("c\r", 1, None, True)]}) == {
        "a": ["b", ["c\n", 1, None, True]]
    }


def test_escaping_knows_three_letters() -> None:
    """Only `&`, `<` and `>` are escaped, once."""
    assert escape("<!here> & \"*`'&amp;") == "&lt;!here&gt; &amp; \"*`'&amp;amp;"


def test_one_line_is_one() -> None:
    """Line breaks, tabs and runs of spaces become single spaces."""
    assert one_line(" a\n\n b\t\u2028c ") == "a b c"


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0", None, 3])
def test_blank(text: object) -> None:
    """White space and values that are not text count as empty."""
    assert is_blank(text)
    assert not is_blank(" x ")


@quick
@given(hostile_text, st.integers(-1, 300))
def test_short_text_is_short(text: str, limit: int) -> None:
    """A shortened text fits, begins like the whole, and shows that it was cut."""
    short = shorten(text, limit)
    assert len(short) <= max(limit, 0)
    assert shorten(short, limit) == short
    if len(text) > limit > 0:
        assert short.endswith("…")
        assert text.startswith(short[:-1])


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("the late refund", 15, "the late refund"),
        ("the late refund", 10, "the late…"),
        ("the late refund", 9, "the late…"),
        ("incomprehensibilities", 8, "incompr…"),
        ("cafe\u0301s", 5, "caf…"),
        ("ab👩‍👩‍👧c", 6, "ab…"),
        ("ab👍🏽c", 4, "ab…"),
        ("words", 1, "…"),
        ("words", 0, ""),
    ],
)
def test_where_text_is_cut(text: str, limit: int, short: str) -> None:
    """The cut is at the end of a word that is near, and never amid what looks like one letter."""
    assert shorten(text, limit) == short


def test_many_combining_characters_are_cut() -> None:
    """A letter with thousands of accents is shortened, too."""
    short = shorten("a" + "\u0301" * 5000, 100)
    assert len(short) == 100
    assert unicodedata.combining(short[50])


@quick
@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs"))), st.integers(1, 50))
def test_reading_only_the_start_changes_nothing(text: str, limit: int) -> None:
    """Reading only the start of a long text gives the same result."""
    assert clean_start(text, limit) == shorten(clean(text), limit)
    assert clean_start("\x00" * 1000 + text + "x", limit) == "…"
