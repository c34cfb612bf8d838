"""Alerts with their watermarks, pending changes and posted messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.filters import Filters
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
    """An alert's message, used to find the thread for repeats; other fields as in ChangeBatch."""

    ts: str
    at: float
    rows: tuple[AlertRow, ...]
    since: float = 0.0
    more: int | None = 0
