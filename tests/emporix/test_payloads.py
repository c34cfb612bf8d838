"""Reading bodies with patience."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.payloads import MAX_WORDS, beginning, clean, decode, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_decode_json(value: object) -> None:
    """Whatever is JSON is read as it was written, escaped or not."""
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b'[{"id": "1"', b"[" * 100_000])
def test_decode_something_else(body: bytes) -> None:
    """HTML, nothing, half of it and endless nesting are one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        decode(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'"a\xff"', "a\ufffd"), (rb'"a\ud800b"', "a?b"), (b'\xef\xbb\xbf"a"', "a")],
)
def test_decode_broken_letters(body: bytes, expected: str) -> None:
    """One broken letter does not lose the rest, and what remains can be sent as UTF-8."""
    assert decode(body) == expected


def test_decode_emoji() -> None:
    """Letters written as surrogate pairs stay themselves."""
    assert decode(rb'"\ud83d\ude00 \u00e9"') == "\U0001f600 é"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("é", "é"), (None, ""), (7, "7"), (True, "true"), ({"a": ["é"]}, '{"a": ["é"]}')],
)
def test_text(value: object, expected: str) -> None:
    """Every JSON value has a text, and a string is its own."""
    assert text(value) == expected


@given(st.text() | st.integers() | st.none())
def test_clean(value: object) -> None:
    """Cleaned words are short, on one line, and hold nothing invisible."""
    cleaned = clean(value)
    assert len(cleaned) <= MAX_WORDS
    assert all(unicodedata.category(letter)[0] != "C" for letter in cleaned)
    assert cleaned == cleaned.strip()


def test_clean_long() -> None:
    """What is cut says so."""
    assert clean("ab" * 500) == ("ab" * 500)[: MAX_WORDS - 1] + "…"


def test_a_number_of_many_digits_hides_nothing() -> None:
    """A number longer than Python reads is kept as its digits; the rest is read as ever."""
    digits = "9" * 5_000
    body = f'[{{"id": "a", "n": {digits}, "m": 7}}, {{"id": "b"}}]'.encode()
    assert decode(body) == [{"id": "a", "n": digits, "m": 7}, {"id": "b"}]
    assert text(digits) == digits


@given(JSON)
def test_a_beginning_is_json_and_small(value: object) -> None:
    """What is shown of an unknown value is JSON again, and unchanged if it is small."""
    shown = beginning(value, 8)
    assert decode(json.dumps(shown).encode()) == shown
    assert shown == value or "…" in json.dumps(shown, ensure_ascii=False)
