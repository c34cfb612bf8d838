"""What is filled into the form of a digest, read field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.models import Filters
from bot.services.digests.form import (
    only_what_fits,
    read,
    read_days,
    read_minute,
    read_name,
    read_zone,
)
from tests.outcome import outcome

READERS: tuple[Callable[[Any], object], ...] = (read_name, read_minute, read_days, read_zone)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_zones_are_found_by_name_or_city(typed: str, zone: str) -> None:
    """In any case, with or without underscores."""
    assert read_zone(typed) == zone


def test_a_city_of_several_zones_is_asked_about() -> None:
    """Both are named."""
    with pytest.raises(InvalidInput) as refused:
        read_zone("louisville")
    assert refused.value.advice == (
        "Did you mean America/Kentucky/Louisville or America/Louisville?"
    )


@given(st.sampled_from(sorted(available_timezones() - {"localtime"})))
def test_every_zone_can_be_typed(zone: str) -> None:
    """By its name."""
    assert read_zone(zone) == zone


@given(st.sampled_from(READERS), st.text(max_size=80))
def test_anything_else_is_refused_with_advice(reader: Callable[[Any], object], text: str) -> None:
    """What can be typed is read, or its problem and what to type instead are said."""
    found = outcome(InvalidInput, lambda: reader(text))
    if isinstance(found, InvalidInput):
        assert found.problem
        assert found.advice
    else:
        assert found or found == 0  # midnight


@given(st.dictionaries(st.sampled_from(["name", "time", "zone", "days"]), st.text(max_size=20)))
def test_every_problem_stands_at_its_field(values: dict[str, str]) -> None:
    """All are found at once."""
    filled = read(values)
    assert filled.problems.keys() <= {"name", "time", "zone", "days"}
    if not filled.problems:
        assert filled.schedule.days


def test_filters_take_the_tenant_of_the_form() -> None:
    """It may be said twice, if it is the same."""
    same = only_what_fits(Filters(tenant="acme", statuses=("failure",)), "acme")
    assert same == only_what_fits(Filters(statuses=("failure",)), "acme")
