"""The team's responses to an alert's messages: claims, snoozes, pauses and recoveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bot.domain.agents import AgentPause
from bot.domain.jobs import Recovery
from bot.domain.records import StoredRecord

RESPONSE_TTL_SECONDS = 7 * 24 * 60 * 60.0
"""How long the state of a message is kept after its last change."""

MAX_RESPONSE_STEPS = 20
"""The latest changes of a message that are stored; its thread keeps them all."""

MAX_RESPONSES = 50
"""The messages of an alert whose state is stored."""

ResponseState = Literal["open", "claimed", "resolved"]
ResponseEvent = Literal["claim", "resolve", "reopen", "failure"]

STATE_AFTER: Mapping[str, ResponseState] = {"claim": "claimed", "resolve": "resolved"}
"""The state after an event; "open" after the others."""

EVENTS_IN: Mapping[ResponseState, frozenset[str]] = {
    "open": frozenset({"claim", "resolve"}),
    "claimed": frozenset({"resolve", "reopen"}),
    "resolved": frozenset({"reopen", "failure"}),
}
"""The events that change a state; the others leave it as it is."""


@dataclass(frozen=True, slots=True)
class ResponseStep(StoredRecord):
    """A change of a message's state; `number` counts the changes of the message from 1.

    `event` is a ResponseEvent, `by` the user's id, empty for the app. `batch` is the number of the
    batch whose failure reopened the message, else 0.
    """

    number: int
    event: str
    by: str
    at: float
    batch: int = 0

    @property
    def state(self) -> ResponseState:
        return STATE_AFTER.get(self.event, "open")


MAX_SNOOZES = 10
"""The kinds of failures that a message can snooze at a time."""


@dataclass(frozen=True, slots=True)
class Snooze(StoredRecord):
    """A kind of failure that isn't reported from `at` until `until`; user `by` snoozed it.

    `agents` are the names of the agents in the message. `count` is the number of failures
    meanwhile, up to the batch with number `batch`. `ended_at` is when a user ended it early, else
    0; `is_reported` means that the thread says how many failed.
    """

    fingerprint: str
    until: float
    by: str
    at: float
    agents: tuple[str, ...] = ()
    count: int = 0
    batch: int = 0
    ended_at: float = 0.0
    is_reported: bool = False

    @property
    def end(self) -> float:
        return min(self.until, self.ended_at or self.until)

    def is_active(self, at: float) -> bool:
        return self.at <= at < self.end


@dataclass(frozen=True, slots=True)
class MessageResponse(StoredRecord):
    """The team's response to a message: its latest changes, oldest first, snoozes and pauses.

    `shown` is the number of the last change that Slack shows. `edits` counts changes of snoozes,
    pauses and recoveries, and edits that may have overwritten the state: Slack shows `edits_shown`
    of them.
    """

    ts: str
    steps: tuple[ResponseStep, ...] = ()
    shown: int = 0
    edits: int = 0
    edits_shown: int = 0
    snoozes: tuple[Snooze, ...] = ()
    pauses: tuple[AgentPause, ...] = ()
    recoveries: tuple[Recovery, ...] = ()

    @property
    def last(self) -> ResponseStep | None:
        return self.steps[-1] if self.steps else None

    @property
    def state(self) -> ResponseState:
        return self.last.state if self.last else "open"

    @property
    def number(self) -> int:
        return self.last.number if self.last else 0

    @property
    def at(self) -> float:
        """The time of the last change; 0 if there was none."""
        return self.last.at if self.last else 0.0

    @property
    def in_use_until(self) -> float:
        """The time of the last change, or of the end of a snooze if that is later."""
        return max([self.at, *(one.end for one in self.snoozes)])

    @property
    def kept_from(self) -> float:
        """When the time begins for which the response is kept; a recovery doesn't reopen it."""
        return max([self.in_use_until, *(one.seen_at for one in self.recoveries)])

    @property
    def pending(self) -> tuple[ResponseStep, ...]:
        """The changes that Slack doesn't show yet, as far as they are stored."""
        return tuple(step for step in self.steps if step.number > self.shown)

    def before(self, step: ResponseStep) -> ResponseStep | None:
        """The change before `step`; None if there is none, or it is no longer stored."""
        return next((one for one in self.steps if one.number == step.number - 1), None)

    @property
    def is_shown(self) -> bool:
        return self.shown >= self.number and self.edits_shown >= self.edits

    @property
    def is_waiting(self) -> bool:
        """Whether a worker still has to show a change, or to report a snooze or a pause's end."""
        is_over = all(one.is_reported for one in self.snoozes)
        return not (self.is_shown and is_over) or any(one.is_active for one in self.pauses)

    def active_snoozes(self, at: float) -> tuple[Snooze, ...]:
        return tuple(one for one in self.snoozes if one.is_active(at))

    def after(self, event: ResponseEvent, by: str, at: float, batch: int = 0) -> MessageResponse:
        """The response after an event; `self` if the event changes nothing.

        A batch reopens a message once, however often the event is repeated.
        """
        is_repeated = batch > 0 and any(step.batch >= batch for step in self.steps)
        if event not in EVENTS_IN[self.state] or is_repeated:
            return self
        step = ResponseStep(self.number + 1, event, by, max(at, self.at), batch)
        return replace(self, steps=(*self.steps, step)[-MAX_RESPONSE_STEPS:])

    def as_of(self, at: float) -> MessageResponse:
        """The response as it was at a time, as far as its changes are stored."""
        steps = tuple(step for step in self.steps if step.at <= at)
        return replace(
            self, steps=steps, snoozes=tuple(one for one in self.snoozes if one.at <= at)
        )

    def after_edit(self) -> MessageResponse:
        """The response after an edit of its message that may have overwritten the state."""
        return replace(self, edits=self.edits + 1)

    def after_showing(self, shown: MessageResponse) -> MessageResponse:
        """The response after Slack has shown it as `shown`, an earlier state."""
        edits_shown = max(self.edits_shown, shown.edits)
        return replace(self, shown=max(self.shown, shown.number), edits_shown=edits_shown)

    def with_recoveries(self, recoveries: tuple[Recovery, ...]) -> MessageResponse:
        """Replace the recoveries; a worker then shows them in Slack."""
        edited = replace(self.after_edit(), recoveries=recoveries)
        return self if recoveries == self.recoveries else edited

    def with_snooze(self, snooze: Snooze) -> MessageResponse:
        """Snooze a kind of failure; if it is snoozed already, this changes the end.

        If there are too many snoozes, the oldest reported one is dropped.
        """
        active = self.active_snoozes(snooze.at)
        known = [one for one in active if one.fingerprint == snooze.fingerprint]
        new = replace(known[0], until=snooze.until, by=snooze.by) if known else snooze
        others = [one for one in self.snoozes if one not in known]
        others.sort(key=lambda one: not one.is_reported)
        return replace(self.after_edit(), snoozes=(*others, new)[-MAX_SNOOZES:])

    def after_ending_snoozes(self, now: float) -> MessageResponse:
        """End the snoozes; a worker then reports how many failures occurred meanwhile."""
        active = self.active_snoozes(now)
        ended = [replace(one, ended_at=now) if one in active else one for one in self.snoozes]
        return replace(self.after_edit(), snoozes=tuple(ended)) if active else self

    def snoozes_to_report(self, now: float) -> tuple[Snooze, ...]:
        """The snoozes that are over, and that the thread doesn't mention yet."""
        return tuple(one for one in self.snoozes if one.end <= now and not one.is_reported)

    def after_reporting(self, reported: Snooze) -> MessageResponse:
        """The response after the thread says how many failures occurred during a snooze."""
        key = reported.fingerprint, reported.at
        snoozes = [
            replace(one, is_reported=True) if (one.fingerprint, one.at) == key else one
            for one in self.snoozes
        ]
        return replace(self, snoozes=tuple(snoozes))

    def after_counting(self, held: Mapping[str, int], batch: int) -> MessageResponse:
        """Count the failures of a batch that snoozes hold back, by fingerprint, once per batch."""
        snoozes = [
            replace(one, count=one.count + held[one.fingerprint], batch=batch)
            if one.fingerprint in held and one.batch < batch and not one.is_reported
            else one
            for one in self.snoozes
        ]
        return replace(self, snoozes=tuple(snoozes))


@dataclass(frozen=True, slots=True)
class AlertResponses(StoredRecord):
    """The team's responses to the messages of one alert."""

    messages: tuple[MessageResponse, ...] = ()

    def of(self, ts: str) -> MessageResponse:
        """The response to a message; an open one if the team hasn't responded."""
        return next((one for one in self.messages if one.ts == ts), MessageResponse(ts))

    @property
    def not_shown(self) -> tuple[MessageResponse, ...]:
        return tuple(one for one in self.messages if not one.is_shown)

    def due_at(self, now: float) -> float | None:
        """When a worker must update Slack: now, or when the first snooze ends; None for never."""
        if self.not_shown:
            return now
        snoozes = (one for response in self.messages for one in response.snoozes)
        return min((one.end for one in snoozes if not one.is_reported), default=None)

    def ttl_seconds(self, now: float) -> int:
        """How long to store these responses, and their messages: a week, also after a snooze."""
        last = max((one.in_use_until for one in self.messages), default=now)
        return round(RESPONSE_TTL_SECONDS + max(0.0, last - now))

    def with_response(self, response: MessageResponse, now: float) -> AlertResponses:
        """Add or replace a response; drops those without a change for a week, and the oldest."""
        others = [one for one in self.messages if one.ts != response.ts]
        begin = now - RESPONSE_TTL_SECONDS
        recent = [one for one in others if one.kept_from > begin or one.is_waiting]
        recent.sort(key=lambda one: (not one.is_waiting, -one.kept_from))
        messages = sorted([*recent[: MAX_RESPONSES - 1], response], key=lambda one: one.ts)
        return replace(self, messages=tuple(messages))
