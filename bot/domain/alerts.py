"""Alerts with their watermarks, pending changes, posted messages, and the team's responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.filters import Filters
from bot.domain.jobs import AgentCount
from bot.domain.records import StoredRecord

WATERMARK_OVERLAP_SECONDS = 180.0
"""A change that becomes visible in Emporix later than this after it happened may be missed."""


@dataclass(frozen=True, slots=True)
class Watermark(StoredRecord):
    """The position up to which changes have been read.

    `reached` is the time of the latest change seen, in seconds since 1970. `seen` contains the jobs
    that changed within the overlap before that time, each with the time of the change and a hash of
    the job's state. Changes before `floor` are ignored because there were too many to remember.
    """

    reached: float
    floor: float = 0.0
    seen: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def begin(self) -> float:
        """The start time for reading changes in the next poll, rounded to the millisecond."""
        return max(round(self.reached - WATERMARK_OVERLAP_SECONDS, 3), self.floor)


@dataclass(frozen=True, slots=True)
class JobChange(StoredRecord):
    """A job to report; `fingerprint` is similar for failures with the same cause.

    `fingerprint` is "" if the job didn't fail. `agent` is the name of its agent, or else its id.
    """

    job_id: str
    fingerprint: str = ""
    agent: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBatch(StoredRecord):
    """Changes to be posted together, oldest first, found by poll `number` at `at`.

    If the previous poll was so long ago that the message is a summary, `since` is the time of that
    poll, else 0. `more` is the number of additional changes, None if unknown.
    """

    number: int
    at: float
    changes: tuple[JobChange, ...]
    since: float = 0.0
    more: int | None = 0


@dataclass(frozen=True, slots=True)
class MentionRule(StoredRecord):
    """A user or a user group to mention, or both, if an agent fails; "" means any agent."""

    agent_id: str = ""
    agent_name: str = ""
    user_id: str = ""
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class QuietHours(StoredRecord):
    """The part of each day without mentions, from `begin` to `end`, in minutes after midnight.

    It ends on the next day unless `begin` is before `end`. `zone` is an IANA time zone name.
    """

    begin: int
    end: int
    zone: str


@dataclass(frozen=True, slots=True)
class MentionSettings(StoredRecord):
    """Whom an alert mentions; again after `remind_after` minutes without a claim, if not 0."""

    rules: tuple[MentionRule, ...] = ()
    remind_after: int = 0
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class PendingMention(StoredRecord):
    """A mention to post at `due_at` in the thread of the message `ts`.

    It is about the new kinds of failures in batch `number`; `agents` are the names of their agents
    by id. `ts` is "" if the outcome of posting the message is unknown.
    """

    number: int
    ts: str
    agents: Mapping[str, str]
    due_at: float
    is_reminder: bool = False


@dataclass(frozen=True, slots=True)
class Alert(StoredRecord):
    """A channel's subscription to job changes, which are read through the connection of `owner`.

    `filters` contain the tenant. Nothing is posted until `muted_until`. `paused` is the reason why
    the alert is paused, empty if it isn't; `paused_at` is when it was paused, and `notices` counts
    the messages about the pause in the channel. `polled_at` is the time of the last poll, and
    `checked_at` the time at which its owner was last known to be in the workspace. Times are in
    seconds since 1970. `batch` contains the changes being posted, and `pending` the mentions to be
    posted. `version` counts the changes to the record.
    """

    id: str
    owner: Caller
    channel_id: str
    filters: Filters
    created_at: float
    watermark: Watermark
    polled_at: float
    checked_at: float = 0.0
    muted_until: float = 0.0
    paused: str = ""
    number: int = 0
    batch: ChangeBatch | None = None
    version: int = 0
    paused_at: float = 0
    notices: int = 0
    mentions: MentionSettings = field(default_factory=MentionSettings)
    pending: tuple[PendingMention, ...] = ()

    @property
    def tenant(self) -> str:
        return self.filters.tenant

    @property
    def connection(self) -> PolledConnection:
        return PolledConnection(self.owner, self.filters.tenant)


@dataclass(frozen=True, slots=True)
class AlertRow(StoredRecord):
    """A job in a message; counts the similar jobs up to `last_at`, in total and by agent."""

    job_id: str
    fingerprint: str
    count: int
    last_at: float
    agents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PostedAlert(StoredRecord):
    """An alert's message, used to find the thread for repeats; other fields as in ChangeBatch.

    `can_be_claimed` is False if a version of the app without these buttons posted the message.
    """

    ts: str
    at: float
    rows: tuple[AlertRow, ...]
    since: float = 0.0
    more: int | None = 0
    can_be_claimed: bool = False

    @property
    def has_failures(self) -> bool:
        return any(row.fingerprint for row in self.rows)


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


@dataclass(frozen=True, slots=True)
class MessageResponse(StoredRecord):
    """The team's response to a message: its latest changes, oldest first.

    `shown` is the number of the last change that Slack shows. `is_stale` means that another edit of
    the message may have overwritten the state.
    """

    ts: str
    steps: tuple[ResponseStep, ...] = ()
    shown: int = 0
    is_stale: bool = False

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
    def pending(self) -> tuple[ResponseStep, ...]:
        """The changes that Slack doesn't show yet, as far as they are stored."""
        return tuple(step for step in self.steps if step.number > self.shown)

    def before(self, step: ResponseStep) -> ResponseStep | None:
        """The change before `step`; None if there is none, or it isn't stored any more."""
        return next((one for one in self.steps if one.number == step.number - 1), None)

    @property
    def is_shown(self) -> bool:
        return self.shown >= self.number and not self.is_stale

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
        return replace(self, steps=tuple(step for step in self.steps if step.at <= at))

    def after_showing(self, number: int) -> MessageResponse:
        """The response after Slack has shown its changes up to `number`."""
        is_stale = self.is_stale and number < self.number
        return replace(self, shown=max(self.shown, number), is_stale=is_stale)


@dataclass(frozen=True, slots=True)
class AlertResponses(StoredRecord):
    """The team's responses to the messages of one alert."""

    messages: tuple[MessageResponse, ...] = ()

    def of(self, ts: str) -> MessageResponse:
        """The response to a message; an open one if the team hasn't responded."""
        return next((one for one in self.messages if one.ts == ts), MessageResponse(ts))

    @property
    def not_shown(self) -> tuple[MessageResponse, ...]:
        """The responses that Slack doesn't show as they are."""
        return tuple(one for one in self.messages if not one.is_shown)

    def with_response(self, response: MessageResponse, now: float) -> AlertResponses:
        """Add or replace a response; drops those without a change for a week, and the oldest."""
        others = [one for one in self.messages if one.ts != response.ts]
        recent = [one for one in others if now - one.at < RESPONSE_TTL_SECONDS or not one.is_shown]
        kept = sorted(recent, key=lambda one: (one.is_shown, -one.at))[: MAX_RESPONSES - 1]
        messages = sorted([*kept, response], key=lambda one: one.ts)
        return replace(self, messages=tuple(messages))


@dataclass(frozen=True, slots=True)
class UnclaimedFailures:
    """A message about failures that no one has claimed, unclaimed since `at`.

    `count` is the number of failed jobs, and `agents` are those that are known by agent.
    """

    alert: Alert
    ts: str
    at: float
    count: int
    agents: tuple[AgentCount, ...]
