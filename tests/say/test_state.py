"""A button remembers what it was told, or says that it is old."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.errors import OutdatedButton
from bot.say.state import cursor_in, pack, unpack

quick = settings(max_examples=100)
facts = st.dictionaries(
    st.text(max_size=10),
    st.text(st.characters(exclude_categories=()), max_size=20) | st.integers(),
    max_size=5,
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@quick
@given(st.text(max_size=20), facts)
def test_what_is_packed_is_unpacked(kind: str, facts: dict[str, str | int]) -> None:
    """Any facts come back as they were, in a value that Slack takes and every wire carries."""
    value = pack(kind, **facts)
    assert unpack(value, kind) == facts
    assert value.isascii()
    assert len(value) <= 2000


@quick
@given(facts, st.text(max_size=5), st.text(max_size=5))
def test_a_button_of_another_kind_is_outdated(
    facts: dict[str, str | int], kind: str, other: str
) -> None:
    """A value answers only to the kind that packed it."""
    assume(kind != other)
    with pytest.raises(OutdatedButton):
        unpack(pack(kind, **facts), other)


@quick
@given(json_values)
def test_foreign_values_are_outdated(foreign: Any) -> None:
    """No JSON, however near, passes for a value of ours."""
    for value in (foreign, [foreign, "jobs", {}], ["1", "jobs", [foreign]], ["1", foreign, {}]):
        with pytest.raises(OutdatedButton):
            unpack(json.dumps(value), "jobs")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "68835cc3ef4e8e1425c360ad",
        '["0","jobs",{}]',
        '["2","jobs",{}]',
        '[1,"jobs",{}]',
        '["1","jobs"]',
        '["1","jobs",{},{}]',
        '["1","jobs",{"page":null}]',
        '["1","jobs",{"page":1.5}]',
        "[" * 1999,
        "1" * 2000,
        '["1","jobs",{"a":"' + "x" * 2000 + '"}]',
    ],
)
def test_old_or_broken_values_are_outdated(value: str) -> None:
    """Another version, a value cut short, nested deeply or too long asks to begin anew."""
    with pytest.raises(OutdatedButton):
        unpack(value, "jobs")


def test_names_are_free() -> None:
    """A fact may be called like a parameter."""
    assert unpack(pack("jobs", kind="x", value=1), "jobs") == {"kind": "x", "value": 1}


def test_too_much_is_an_error() -> None:
    """A button that Slack would refuse is never made."""
    assert len(pack("k", x="a" * 1982)) == 2000
    with pytest.raises(ValueError, match="2001"):
        pack("k", x="a" * 1983)


@pytest.mark.parametrize(
    ("value", "cursor"),
    [
        (pack("cursor", cursor="c-1", page=2), "c-1"),
        (pack("job", tenant="acme", job="1", cursor="c-1", page=2), "c-1"),
        (pack("job", tenant="acme", job="1"), ""),
        (pack("cursor", cursor=7), ""),
        ("", ""),
        ("[[[", ""),
    ],
)
def test_finds_the_cursor_in_any_kind(value: str, cursor: str) -> None:
    """The list of a button can be fetched before its listener is asked."""
    assert cursor_in(value) == cursor
