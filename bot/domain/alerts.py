"""Alerts with their watermarks, pending changes, mentions and posted messages."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.conditions import Condition, ConditionReport, JobChange, Progress, Watermark
from bot.domain.digests import QuietHours
from bot.domain.filters import Filters
from bot.domain.jobs import FailedAgent
from bot.domain.records import StoredRecord


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
class MentionSettings(StoredRecord):
    """Whom an alert mentions; again after `remind_after` minutes without a claim, if not 0."""

    rules: tuple[MentionRule, ...] = ()
    remind_after: int = 0
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class PendingMention(StoredRecord):
    """A mention to post at `due_at` in the thread of the message `ts`.

    It is about new failures in batch `number` of `agents`: names by id. An unknown `ts` is "".
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
    posted. With a `condition`, `progress` has its watermark. `version` counts the changes to the
    record.
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
    condition: Condition = Condition()  # noqa: RUF009 - frozen
    progress: Progress = Progress()  # noqa: RUF009 - frozen

    @property
    def mark(self) -> Watermark:
        return self.progress.watermark if self.condition.kind else self.watermark

    @property
    def news(self) -> tuple[ChangeBatch | ConditionReport, ...]:
        """The batch and the reports that wait to be posted."""
        return (*((self.batch,) if self.batch else ()), *self.progress.reports)

    def without_ended(self, number: int, ended: Set[str]) -> Alert:
        """The alert without jobs of a report that ended before it was posted."""
        return replace(self, progress=self.progress.without_ended(number, ended))

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
    `failed` are the agents that may recover.
    """

    ts: str
    at: float
    rows: tuple[AlertRow, ...]
    since: float = 0.0
    more: int | None = 0
    can_be_claimed: bool = False
    failed: tuple[FailedAgent, ...] = ()

    @property
    def has_failures(self) -> bool:
        return any(row.fingerprint for row in self.rows)
