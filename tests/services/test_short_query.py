"""A query in a few letters comes back as it was, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import OutdatedButton
from bot.models import Filters
from bot.say.buttons import ListButton
from bot.services.short_query import LONGEST, lengthen, shorten

TEXTS = st.lists(st.text(max_size=300), max_size=4).map(tuple)


@given(
    filters=st.builds(
        Filters, words=TEXTS, statuses=TEXTS, agents=TEXTS, raw_q=st.text(), size=st.integers(1, 12)
    ),
    searched=st.booleans(),
)
def test_comes_back_as_it_was(filters: Filters, searched: bool) -> None:
    """What fits is the same query again, and always fits into a button beside its cursor."""
    short = shorten(filters, searched=searched)
    assert ListButton(cursor="pQ3vYkz1mXw7Lr0a", page=100_000, query=short).value
    if short:
        assert lengthen(short) == (filters, searched)
    else:
        assert len(json.dumps(json.dumps([0, str(filters)]))) > LONGEST


def test_is_short() -> None:
    """Only what differs from a list of all jobs takes room."""
    assert shorten(Filters(), searched=False) == "[0,{}]"
    assert shorten(Filters(statuses=("failure",)), searched=True) == '[1,{"statuses":["failure"]}]'


@pytest.mark.parametrize(
    "short",
    ["", "[", "7", "[0]", "[0,7]", '[0,{"later":1}]', '[0,{"words":"a"}]', '[0,{"size":[1]}]'],
)
def test_what_is_none_of_ours_is_outdated(short: str) -> None:
    """A later version's query, or none, is answered as an old button."""
    with pytest.raises(OutdatedButton):
        lengthen(short)
