"""A button carries its state to the listener, or is found to be outdated."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader
from jinja2.exceptions import UndefinedError

from bot.errors import OutdatedButton
from bot.rendering.buttons import (
    BUTTON_STATES,
    ButtonState,
    JobButton,
    JobsButton,
    ListButton,
    ModalOrigin,
    cursor_in,
    decode,
    group_value,
)
from bot.rendering.environment import environment

quick = settings(max_examples=100)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(st.characters(exclude_categories=()), max_size=20),
    "int": st.integers(),
    "bool": st.booleans(),
}
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
each_state = pytest.mark.parametrize("state", BUTTON_STATES)


def states(state: type[ButtonState]) -> st.SearchStrategy[ButtonState]:
    return st.builds(state, **{field.name: VALUES[str(field.type)] for field in fields(state)})


def smallest(state: type[ButtonState]) -> ButtonState:
    """Only with the facts that have no default."""
    required = [field for field in fields(state) if field.default is MISSING]
    return state(**{field.name: {"str": "", "int": 0}[str(field.type)] for field in required})


@each_state
@quick
@given(data=st.data())
def test_a_state_is_decoded_as_it_was(state: type[ButtonState], data: st.DataObject) -> None:
    """Every state is equal after encoding and decoding, and its value is valid for Slack."""
    made = data.draw(states(state))
    assert decode(made.value, state) == made
    assert made.value.isascii()
    assert len(made.value) <= 2000


@each_state
def test_a_state_of_another_class_is_outdated(state: type[ButtonState]) -> None:
    """A listener never gets the state of another kind of button."""
    for other in set(BUTTON_STATES) - {state}:
        with pytest.raises(OutdatedButton):
            decode(smallest(other).value, state)


@each_state
def test_defaults_are_not_stored(state: type[ButtonState]) -> None:
    """A missing optional fact has its default; a missing required one makes the button outdated."""
    made = smallest(state)
    version, kind, facts = json.loads(made.value)
    assert facts.keys() == {f.name for f in fields(state) if f.default is MISSING}
    assert decode(made.value, state) == made
    for name in facts:
        less = {other: fact for other, fact in facts.items() if other != name}
        with pytest.raises(OutdatedButton):
            decode(json.dumps([version, kind, less]), state)


@each_state
def test_unknown_facts_are_ignored(state: type[ButtonState]) -> None:
    """A button of a newer version with more fields still works."""
    made = smallest(state)
    version, kind, facts = json.loads(made.value)
    assert decode(json.dumps([version, kind, {**facts, "newer": [1]}]), state) == made


@each_state
@quick
@given(foreign=json_values)
def test_any_other_json_is_outdated(state: type[ButtonState], foreign: Any) -> None:
    """Other JSON is never decoded as a state, however similar it is."""
    assume(foreign not in ("1", state.kind))
    wrong = {field.name: [foreign] for field in fields(state)}
    for value in (foreign, [foreign, state.kind, {}], ["1", foreign, {}], ["1", state.kind, wrong]):
        with pytest.raises(OutdatedButton):
            decode(json.dumps(value), state)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "68835cc3ef4e8e1425c360ad",
        '["0","list",{}]',
        '["2","list",{}]',
        '[1,"list",{}]',
        '["1","list"]',
        '["1","list",{},{}]',
        '["1","list",{"page":null}]',
        '["1","list",{"page":1.5}]',
        '["1","list",{"page":true}]',
        '["1","list",{"page":"1"}]',
        '["1","list",{"fresh":1}]',
        "[" * 1999,
        "1" * 2000,
        '["1","list",{"a":"' + "x" * 2000 + '"}]',
    ],
)
def test_any_other_text_is_outdated(value: str) -> None:
    """A value of another version or type, or that is cut, nested or too long, is outdated."""
    with pytest.raises(OutdatedButton):
        decode(value, ListButton)


def test_a_wrong_type_is_an_error() -> None:
    """A state is never made of anything but the types that it declares."""
    wrong: list[Any] = [None, "1", True, 1.0]
    for page in wrong:
        with pytest.raises(TypeError, match=r"ListButton\.page"):
            ListButton(page=page)


def test_a_long_value_is_an_error() -> None:
    """A state that is too long for Slack raises an error."""
    assert len(ListButton("a" * 1974).value) == 2000
    with pytest.raises(ValueError, match="2001"):
        _ = ListButton("a" * 1975).value


@pytest.mark.parametrize(
    "call", ['JobButton(tenant="acme", job="1")', 'JobButton(tenant="acme")', "ListButton(page=x)"]
)
def test_a_template_with_a_wrong_fact_does_not_render(call: str) -> None:
    """A misspelt, missing or undefined fact is found when the message is rendered."""
    made = environment(DictLoader({"one": f"{{{{ {call} }}}}"}))
    with pytest.raises((TypeError, UndefinedError)):
        made.get_template("one").render()


def test_a_template_omits_a_long_value() -> None:
    """In a template, the value of a button is null if it is too long."""
    made = environment(DictLoader({"one": '{{ WordsButton(words="a" * 2000) }}'}))
    assert made.get_template("one").render() == "null"


def test_jobs_are_read_line_by_line() -> None:
    """Tenant and id are split at the first slash, because an id may contain one."""
    assert JobsButton("acme/1\nglobex/2/3").pairs == [("acme", "1"), ("globex", "2/3")]


@pytest.mark.parametrize(
    ("value", "cursor", "shared_by"),
    [
        (ListButton("c-1", page=2).value, "c-1", ""),
        (JobButton("acme", "1", cursor="c-1", page=2).value, "c-1", ""),
        (JobButton("acme", "1", cursor="c-1", shared_by="U1").value, "c-1", "U1"),
        (ModalOrigin(cursor="c-1", shared_by="U1").value, "c-1", "U1"),
        (JobButton("acme", "1").value, "", ""),
        ('["1","list",{"cursor":7}]', "", ""),
        ("", "", ""),
        ("[[[", "", ""),
    ],
)
def test_finds_the_cursor_in_any_kind(value: str, cursor: str, shared_by: str) -> None:
    """The list of a button is loaded before its listener is called, or that of its modal."""
    assert cursor_in(value) == (cursor, shared_by)
    assert cursor_in("", value) == (cursor, shared_by)
    assert cursor_in(ListButton("first").value, value) == ("first", "")


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=60, unique=True), st.data())
@quick
def test_a_group_fits_beside_everything_else(ids: list[str], data: st.DataObject) -> None:
    """A group with too many ids keeps those around the opened job, in order."""
    ids = list(dict.fromkeys(job_id.replace("\n", "") or "x" for job_id in ids))
    job_id = data.draw(st.sampled_from(ids))
    group = group_value(ids, job_id)
    kept = group.split("\n")
    assert job_id in kept or len(json.dumps(job_id)) > 1_400
    places = [ids.index(one) for one in kept if one]
    assert places == sorted(places)
    value = ModalOrigin("f" * 16, "C" * 11, "1" * 17, "c" * 16, 99, "U" * 11, group, True).value
    assert len(value) <= 2_000
