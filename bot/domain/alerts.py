"""Alerts, their watermarks, pending changes and posted messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

WATERMARK_OVERLAP_SECONDS = 180.0
"""Seconds; a change that Emporix shows later than this may be missed."""


@dataclass(frozen=True, slots=True)
class Watermark(StoredRecord):
    """`reached` is the time of the latest change that was seen, in seconds since 1970.

    `seen` are the jobs that were changed within the overlap before it: when, and a digest of how
    they were. What lies before `floor` is not looked at: it was too much to be remembered.
    """

    reached: float
    floor: float = 0.0
    seen: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def begin(self) -> float:
        """Where the next look begins, to the millisecond."""
        return max(round(self.reached - WATERMARK_OVERLAP_SECONDS, 3), self.floor)


@dataclass(frozen=True, slots=True)
class JobChange(StoredRecord):
    """A job that is news; `fingerprint` tells which failures are alike, empty for other jobs."""

    job_id: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBatch(StoredRecord):
    """News that are to be posted together: found by the look `number`, at `at`, oldest first.

    `since` is when the look before it was, where that is so long ago that this sums up; else 0.
    `more` counts news beyond these, None where nobody knows how many.
    """

    number: int
    at: float
    changes: tuple[JobChange, ...]
    since: float = 0.0
    more: int | None = 0


@dataclass(frozen=True, slots=True)
class Alert(StoredRecord):
    """What a channel wants to hear of, by the connection of `owner`; `filters` name the tenant.

    Until `muted_until` nothing is posted. `paused` is the reason why it does not run, empty where
    it does; `paused_at` is since when, and `notices` counts the messages about it in the channel.
    `polled_at` is when it was looked at last, `checked_at` when its owner was known to be there;
    times are in seconds since 1970. `batch` is what is being posted; `version` counts the changes.
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
    """A job in a message, and how many like it there were until `last_at`."""

    job_id: str
    fingerprint: str
    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class PostedAlert(StoredRecord):
    """A message of an alert, by which repeats find their thread; `since` and `more` as in Batch."""

    ts: str
    at: float
    rows: tuple[AlertRow, ...]
    since: float = 0.0
    more: int | None = 0
