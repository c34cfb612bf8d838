"""Conditions of alerts as users type them."""

from __future__ import annotations

from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.services.alerts.condition_text import parse_condition

SPACES = st.sampled_from(["", " ", "  ", "\n", "\u00a0"])
CONDITIONS = st.sampled_from(
    [
        (("stuck", "30", "m"),),
        (("stuck", "2", "hours"),),
        (("at-least", "3", ""), ("within", "10", "min")),
        (("silent", "2", "h"),),
        (("silent", "90", "Minutes"), ("between", "8:30", "-", "17:00")),
        (("silent", "1", "h"), ("between", "22", "–", "06")),
    ]
)
OTHERS = st.lists(
    st.sampled_from(
        ["m", "min", "h", "30", "5 m", "30m", "-", "failed", '"30 m"', "agent:stuck", "agent: 30 m",
         'agent:"stuck: 30 m"', "event:silent.2 h", '"stuck: 30 m"', "ago"]
    ),
    max_size=4,
)  # fmt: skip


@given(CONDITIONS, OTHERS, st.data())
def test_spaces_in_a_condition_change_nothing(
    condition: tuple[tuple[str, ...], ...], others: list[str], data: st.DataObject
) -> None:
    """With spaces around colons, units and dashes a condition is the same, and so are the filters.

    Words, quotes and agents that look like parts of a condition stay as they are.
    """
    spaced, usual = list[str](), list[str]()
    for name, *pieces in condition:
        gaps = [data.draw(SPACES) for _ in pieces]
        spaced.append(f"{name}{data.draw(SPACES)}:" + "".join(map(add, gaps, pieces)))
        usual.append(f"{name}:{''.join(pieces)}")
    place = data.draw(st.integers(0, len(others)))
    expected, _, rest = parse_condition(" ".join([*others[:place], *usual, *others[place:]]))
    found, part, left = parse_condition(" ".join([*others[:place], *spaced, *others[place:]]))
    assert (found, left.split()) == (expected, rest.split())
    assert rest.split() == " ".join(others).split()
    assert parse_condition(part) == (expected, part, "")


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("stuck:30m m", "m"),
        ("stuck: 30 m m", "m"),
        ("stuck:30 m, export", "export"),
        ("silent:2h between:08 - 20, 30 m", "30 m"),
        ("silent:2h between:08-20 - 22", "- 22"),
        ("agent: stuck 30 m stuck:2 h", "agent: stuck 30 m"),
    ],
)
def test_a_condition_takes_only_words_that_it_needs(typed: str, filters: str) -> None:
    """Words after a complete condition are filters, even if they could extend it."""
    assert parse_condition(typed)[2] == filters


@pytest.mark.parametrize(
    "typed", ['stuck:30 "m"', "stuck:30 agent:m", "stuck:30 miles", "stuck:30"]
)
def test_a_number_alone_is_no_duration(typed: str) -> None:
    """Without a unit, or with one in quotes or in another filter, the duration is refused."""
    with pytest.raises(InvalidInput, match="stuck: needs a duration"):
        parse_condition(typed)
