"""Parsing the form of a digest, field by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.filters import Filters
from bot.errors import InvalidInput
from bot.rendering.jinja_filters import timezone_name
from bot.services.digests.form import (
    ZONE_ABBREVIATIONS,
    digest_filters,
    parse_days,
    parse_form,
    parse_minute,
    parse_name,
    parse_zone,
)

READERS: tuple[Callable[[Any], object], ...] = (parse_name, parse_minute, parse_days, parse_zone)


@pytest.mark.parametrize(("field", "longest"), [("name", 60), ("filters", 500)])
def test_a_long_text_is_refused(field: str, longest: int) -> None:
    """A text that is too long for its field is refused with the limit, not cut."""
    assert field not in parse_form({field: "x" * longest}).problems
    problem = parse_form({field: "x" * (longest + 1)}).problems[field]
    assert isinstance(problem, InvalidInput)
    assert f"at most {longest} characters" in problem.advice


def test_a_form_without_a_tenant_is_for_the_one_it_was_opened_for() -> None:
    """The tenant comes from the form's state if the form has no field for it."""
    assert parse_form({}, "acme").proposal.tenant == "acme"
    assert parse_form({"tenant": "globex"}, "acme").proposal.tenant == "globex"


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("GMT+5", "Etc/GMT-5"),
        ("gmt +05", "Etc/GMT-5"),
        ("UTC+05:00", "Etc/GMT-5"),
        ("UTC\u22123", "Etc/GMT+3"),
        ("-11", "Etc/GMT+11"),
        ("+14", "Etc/GMT-14"),
        ("UTC+0", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
    ],
)
def test_zones_are_found_by_name_or_city(typed: str, zone: str) -> None:
    """Case does not matter, and spaces may replace underscores."""
    assert parse_zone(typed) == zone


def test_an_ambiguous_city_is_refused() -> None:
    """The error names all zones of the city."""
    with pytest.raises(InvalidInput) as refused:
        parse_zone("louisville")
    assert refused.value.advice == (
        "Did you mean America/Kentucky/Louisville or America/Louisville?"
    )


@given(st.sampled_from(sorted(available_timezones() - {"localtime", "EST", "MST", "HST"})))
def test_every_zone_can_be_typed(zone: str) -> None:
    """Every zone is found by its name."""
    assert parse_zone(zone) == zone


@given(st.integers(-12, 14).filter(bool), st.sampled_from(["UTC", "GMT", "utc ", ""]))
def test_an_offset_has_its_usual_sign(hours: int, before: str) -> None:
    """UTC+5 is five hours ahead of UTC, unlike IANA's names, and is shown as typed."""
    name = parse_zone(f"{before}{hours:+}")
    assert datetime.now(ZoneInfo(name)).utcoffset() == timedelta(hours=hours)
    assert timezone_name(name) == f"UTC{hours:+}"
    assert parse_zone(timezone_name(name)) == name


@pytest.mark.parametrize("typed", ["EST", "est", "MST", "HST", "PST", "IST", "CEST", "BST", "cst"])
def test_an_abbreviation_is_refused_with_a_city(typed: str) -> None:
    """Abbreviations mean half a year or several places, so the error proposes cities."""
    with pytest.raises(InvalidInput) as refused:
        parse_zone(typed)
    assert "abbreviation" in refused.value.problem
    assert "such as " in refused.value.advice


@pytest.mark.parametrize("cities", ZONE_ABBREVIATIONS.values())
def test_the_proposed_cities_can_be_typed(cities: str) -> None:
    """Every proposed city is accepted."""
    for city in re.split(", | or ", cities):
        assert parse_zone(city) == city


@pytest.mark.parametrize("typed", ["UTC+5:30", "GMT+15", "-13", "+99"])
def test_an_offset_without_a_zone_is_refused(typed: str) -> None:
    """Half hours and impossible offsets are refused, with what to type."""
    with pytest.raises(InvalidInput) as refused:
        parse_zone(typed)
    assert refused.value.advice.startswith("Type ")


@given(st.sampled_from(READERS), st.text(max_size=80))
def test_anything_else_is_refused_with_advice(reader: object, text: str) -> None:
    """Any text is either accepted or refused with advice."""
    assert callable(reader)
    try:
        assert reader(text) is not None
    except InvalidInput as refused:
        problem, advice = refused.problem, refused.advice
    else:
        return
    assert problem
    assert advice.startswith(("Type ", "Choose ", "Did you mean "))
    assert advice.endswith((".", "?"))


@given(st.dictionaries(st.sampled_from(["name", "time", "zone", "days"]), st.text(max_size=20)))
def test_every_problem_is_at_its_field(values: dict[str, str]) -> None:
    """All problems are found at once."""
    filled = parse_form(values)
    assert filled.problems.keys() <= {"name", "time", "zone", "days"}
    if not filled.problems:
        assert filled.schedule.days


def test_filters_take_the_tenant_of_the_form() -> None:
    """The filters may repeat the tenant of the form."""
    same = digest_filters(Filters(tenant="acme", statuses=("failure",)), "acme")
    assert same == digest_filters(Filters(statuses=("failure",)), "acme")
