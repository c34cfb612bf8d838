"""Alerts, their watermarks, pending changes and posted messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

WATERMARK_OVERLAP_SECONDS = 180.0
"""A change that appears in Emporix later than this may be missed."""


@dataclass(frozen=True, slots=True)
class Watermark(StoredRecord):
    """Up to where changes have been read.

    `reached` is the time of the latest change seen, in seconds since 1970. `seen` are the jobs that
    changed within the overlap before it: the time, and a hash of the job's state. Changes before
    `floor` are ignored: there were too many to remember.
    """

    reached: float
    floor: float = 0.0
    seen: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def begin(self) -> float:
        """The time from which to read changes at the next poll, to the millisecond."""
        return max(round(self.reached - WATERMARK_OVERLAP_SECONDS, 3), self.floor)


@dataclass(frozen=True, slots=True)
class JobChange(StoredRecord):
    """A job to report; `fingerprint` is similar for the same cause, and "" if it did not fail.

    `agent` is the name of its agent.
    """

    job_id: str
    fingerprint: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBatch(StoredRecord):
    """Changes to be posted together, oldest first, found by poll `number` at `at`.

    `since` is the time of the previous poll if that was so long ago that the message is a summary,
    else 0. `more` is the number of changes beyond these, None if unknown.
    """

    number: int
    at: float
    changes: tuple[JobChange, ...]
    since: float = 0.0
    more: int | None = 0


@dataclass(frozen=True, slots=True)
class Alert(StoredRecord):
    """A channel's subscription to changes of jobs, read through the connection of `owner`.

    `filters` name the tenant. Nothing is posted until `muted_until`. `paused` is the reason why the
    alert is paused, empty if it isn't; `paused_at` is since when, and `notices` counts the messages
    about it in the channel. `polled_at` is the time of the last poll, `checked_at` when its owner
    was last known to be in the workspace; times are in seconds since 1970. `batch` is being posted;
    `version` counts the changes of the record.
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

    @property
    def tenant(self) -> str:
        return self.filters.tenant

    @property
    def connection(self) -> PolledConnection:
        return PolledConnection(self.owner, self.filters.tenant)


@dataclass(frozen=True, slots=True)
class AlertRow(StoredRecord):
    """A job in a message, and the number of similar ones up to `last_at`, in all and by agent."""

    job_id: str
    fingerprint: str
    count: int
    last_at: float
    agents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PostedAlert(StoredRecord):
    """A message of an alert, used to find the thread for repeats; see ChangeBatch for the rest."""

    ts: str
    at: float
    rows: tuple[AlertRow, ...]
    since: float = 0.0
    more: int | None = 0
