"""Reading bodies with patience."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.models import MAX_MESSAGE_LENGTH, as_text, decode_json, one_line, shortened

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_decode_json(value: object) -> None:
    """Whatever is JSON is read as it was written, escaped or not."""
    assert decode_json(json.dumps(value).encode()) == value
    assert decode_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b'[{"id": "1"', b"[" * 100_000])
def test_decode_something_else(body: bytes) -> None:
    """HTML, nothing, half of it and endless nesting are one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        decode_json(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'"a\xff"', "a\ufffd"), (rb'"a\ud800b"', "a?b"), (b'\xef\xbb\xbf"a"', "a")],
)
def test_decode_broken_letters(body: bytes, expected: str) -> None:
    """One broken letter does not lose the rest, and what remains can be sent as UTF-8."""
    assert decode_json(body) == expected


def test_decode_emoji() -> None:
    """Letters written as surrogate pairs stay themselves."""
    assert decode_json(rb'"\ud83d\ude00 \u00e9"') == "\U0001f600 é"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("é", "é"), (None, ""), (7, "7"), (True, "true"), ({"a": ["é"]}, '{"a": ["é"]}')],
)
def test_text(value: object, expected: str) -> None:
    """Every JSON value has a text, and a string is its own."""
    assert as_text(value) == expected


@given(st.text() | st.integers() | st.none())
def test_clean(value: object) -> None:
    """Cleaned words are short, on one line, and hold nothing invisible."""
    cleaned = one_line(value)
    assert len(cleaned) <= MAX_MESSAGE_LENGTH
    assert all(unicodedata.category(letter)[0] != "C" for letter in cleaned)
    assert cleaned == cleaned.strip()


def test_clean_long() -> None:
    """What is cut says so."""
    assert one_line("ab" * 500) == ("ab" * 500)[: MAX_MESSAGE_LENGTH - 1] + "…"


def test_a_number_of_many_digits_hides_nothing() -> None:
    """A number longer than Python reads is kept as its digits; the rest is read as ever."""
    digits = "9" * 5_000
    body = f'[{{"id": "a", "n": {digits}, "m": 7}}, {{"id": "b"}}]'.encode()
    assert decode_json(body) == [{"id": "a", "n": digits, "m": 7}, {"id": "b"}]
    assert as_text(digits) == digits


@given(JSON)
def test_a_beginning_is_json_and_small(value: object) -> None:
    """What is shown of an unknown value is JSON again, and unchanged if it is small."""
    shown = shortened(value, 8)
    assert decode_json(json.dumps(shown).encode()) == shown
    assert shown == value or "…" in json.dumps(shown, ensure_ascii=False)
