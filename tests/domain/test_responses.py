"""The team's responses to alerts' messages: a state machine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.responses import (
    MAX_SNOOZES,
    AlertResponses,
    MessageResponse,
    ResponseEvent,
    ResponseState,
    Snooze,
)
from bot.store.alerts import ALERT_RESPONSES_SERIALIZER

NOW = 1_795_430_000.0
WEEK = 7 * 24 * 60 * 60.0
NEW = MessageResponse("1795430000.000100")

TRANSITIONS: dict[ResponseState, dict[str, ResponseState]] = {
    "open": {"claim": "claimed", "resolve": "resolved"},
    "claimed": {"resolve": "resolved", "reopen": "open"},
    "resolved": {"reopen": "open", "failure": "open"},
}
"""Each event that changes a state, with the new state."""

events = st.tuples(
    st.sampled_from(get_args(ResponseEvent)),
    st.sampled_from(["U0ADA", "U0GRACE"]),
    st.floats(-100, 100),
    st.integers(0, 5),
)


def run(script: list[tuple[ResponseEvent, str, float, int]]) -> list[MessageResponse]:
    """The response after each event, at times that may go back, as clocks differ."""
    found = [NEW]
    for event, user_id, seconds, batch in script:
        by, number = ("", batch) if event == "failure" else (user_id, 0)
        found.append(found[-1].after(event, by, NOW + seconds, number))
    return found


@pytest.mark.parametrize("state", get_args(ResponseState))
@pytest.mark.parametrize("event", get_args(ResponseEvent))
def test_each_event_in_each_state(state: ResponseState, event: ResponseEvent) -> None:
    """An event leads to the state in the table, or changes nothing."""
    before = {
        "open": NEW,
        "claimed": NEW.after("claim", "U0ADA", NOW),
        "resolved": NEW.after("resolve", "U0ADA", NOW),
    }[state]
    after = before.after(event, "U0GRACE", NOW + 60)
    assert after.state == TRANSITIONS[state].get(event, state)
    if event not in TRANSITIONS[state]:
        assert after is before
    elif after.last:
        assert (after.last.by, after.last.at, after.number) == (
            "U0GRACE",
            NOW + 60,
            before.number + 1,
        )


@given(st.lists(events, max_size=60))
def test_every_history_is_bounded_and_in_order(script: list[Any]) -> None:
    """After any events, 20 changes at most are stored, numbered without gaps, in order of time."""
    found = run(script)
    for before, after in pairwise(found):
        numbers = [step.number for step in after.steps]
        assert numbers == list(range(after.number - len(numbers) + 1, after.number + 1))
        assert len(numbers) <= 20
        assert [step.at for step in after.steps] == sorted(step.at for step in after.steps)
        assert after.number - before.number in (0, 1)
        assert (after is before) == (after.number == before.number)


@given(st.lists(events, max_size=30), events)
def test_a_repeated_event_changes_nothing(script: list[Any], event: Any) -> None:
    """The same event twice has the effect of one."""
    once = run([*script, event])[-1]
    assert run([*script, event, event])[-1] == once


@given(st.lists(events, max_size=18), st.integers(1, 5), st.lists(events, max_size=1))
def test_a_batch_reopens_once(script: list[Any], batch: int, people: list[Any]) -> None:
    """A batch that is posted again after a crash doesn't reopen what was resolved meanwhile."""
    reopened = run(script)[-1].after("resolve", "U0ADA", NOW).after("failure", "", NOW, batch)
    resolved = reopened.after("resolve", "U0ADA", NOW)
    assert resolved.after("failure", "", NOW, batch) is resolved


@given(st.lists(events, max_size=15), st.integers(0, 14))
def test_the_past_stays_as_it_was(script: list[Any], number: int) -> None:
    """The state at a time is the same after later events."""
    then = run(script[:number])[-1]
    later = then
    for event, user_id, _, batch in script[number:]:
        later = later.after(event, user_id, NOW + 200, batch)
    assert later.as_of(NOW + 150).steps == then.steps


@given(st.lists(events, min_size=1, max_size=40), st.integers(0, 40))
def test_showing_ends(script: list[Any], number: int) -> None:
    """What Slack doesn't show is pending; after showing the last change, nothing is."""
    response = run(script)[-1].after_showing(run(script[:number])[-1])
    assert all(step.number > response.shown for step in response.pending)
    edited = response.after_edit()
    assert not edited.is_shown
    shown = edited.after_showing(edited)
    assert shown.is_shown
    assert not shown.pending
    assert shown.after_showing(NEW) == shown
    assert not edited.after_edit().after_showing(edited).is_shown


@given(st.lists(st.tuples(st.integers(0, 80), st.floats(0, 2 * WEEK)), max_size=120))
def test_responses_are_bounded(changes: list[tuple[int, float]]) -> None:
    """An alert has at most 50 responses; those shown and unchanged for a week are dropped."""
    responses = AlertResponses()
    for place, seconds in sorted(changes, key=lambda one: one[1]):
        ts, at = f"17954{place:05}.000100", NOW + seconds
        event: ResponseEvent = "claim" if responses.of(ts).state == "open" else "reopen"
        response = responses.of(ts).after(event, "U0ADA", at)
        responses = responses.with_response(response.after_showing(response), at)
        assert len(responses.messages) <= 50
        assert responses.of(ts).at == at
        assert all(at - one.at < WEEK for one in responses.messages)


@given(st.lists(events, max_size=30))
def test_responses_are_stored_as_they_are(script: list[Any]) -> None:
    """Responses stay the same in Redis, with the fields of later versions."""
    responses = AlertResponses((run(script)[-1],))
    text = ALERT_RESPONSES_SERIALIZER.write(responses)
    assert ALERT_RESPONSES_SERIALIZER.read(text) == responses
    later = text.replace('{"messages"', '{"snoozes":[1],"messages"', 1)
    assert '"snoozes":[1]' in ALERT_RESPONSES_SERIALIZER.write(
        ALERT_RESPONSES_SERIALIZER.read(later)
    )


def test_a_batch_is_counted_once() -> None:
    """A batch that is posted again after a crash counts once, and nothing after the report."""
    snoozed = NEW.with_snooze(Snooze("print", NOW + 60, "U0ADA", NOW))
    for batch, held, total in ((1, 2, 2), (1, 2, 2), (2, 3, 5), (1, 2, 5)):
        snoozed = snoozed.after_counting({"print": held, "other": 1}, batch)
        assert [one.count for one in snoozed.snoozes] == [total]
    assert snoozed.snoozes_to_report(NOW + 59) == ()
    (over,) = snoozed.snoozes_to_report(NOW + 60)
    reported = snoozed.after_reporting(over)
    assert reported.after_counting({"print": 1}, 3) == reported
    assert AlertResponses((reported.after_showing(reported),)).due_at(NOW + 99) is None


def test_repeated_snoozes_do_not_end_another_one() -> None:
    """However often a kind of failure is snoozed again, a longer snooze of another one stays."""
    response = NEW.with_snooze(Snooze("long", NOW + WEEK, "U0ADA", NOW))
    for number in range(MAX_SNOOZES + 1):
        at = NOW + 120 * number
        response = response.with_snooze(Snooze("short", at + 60, "U0ADA", at))
        for over in response.snoozes_to_report(at + 60):
            response = response.after_reporting(over)
    assert [one.fingerprint for one in response.active_snoozes(at)] == ["long", "short"]
    assert len(response.snoozes) == MAX_SNOOZES
