"""Filters for lists of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.domain.records import StoredRecord

NEWEST_FIRST = "metadata.createdAt:DESC"


DEFAULT_PAGE_SIZE = 10


@dataclass(frozen=True, slots=True)
class Reading(StoredRecord):
    """Words that were interpreted as a filter, but could also be search words.

    `typed` contains these words; for "list" they only ask for a list, as in "show me the failed
    jobs", and for "agent" they are the rest of a name after `agent:`. `text` is the whole text with
    the words in quotes, so that it searches for them; `searched` means that it is a text for
    `jobs search`.
    """

    typed: str
    kind: Literal["date", "status", "filter", "list", "agent"]
    text: str
    searched: bool = False


@dataclass(frozen=True, slots=True)
class Filters(StoredRecord):
    """The filters, sort order and page of a list.

    `statuses`, `types`, `agents` (ids), `agent_types`, `events` and `sessions` each contain
    alternatives, spelled as in Emporix. The agent message must contain all of the phrases in
    `words`. A job must have been created between `since` and `until`, in seconds since 1970.
    `raw_q` is passed on unchanged and can't be combined with the other filters. If `fields` is
    empty, the fields shown in a list are used. `page` is counted from 1.

    The other fields are for display and forms: `agent_names` are the names for `agents`,
    `agent_guesses` are names of agents that the user may have meant instead of `unknown_agents`,
    `in_utc` means that days are in UTC because Slack didn't provide the user's time zone,
    `last_seconds` is the length of a period until now, such as the last 7 days, if `since` is the
    start of one, and `readings` are words interpreted as filters.
    """

    words: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    agent_types: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    raw_q: str = ""
    tenant: str = ""
    sort: str = NEWEST_FIRST
    page: int = 1
    size: int = DEFAULT_PAGE_SIZE
    fields: tuple[str, ...] = ()
    agent_names: tuple[str, ...] = ()
    agent_guesses: tuple[str, ...] = ()
    in_utc: bool = False
    last_seconds: float = field(default=0.0, compare=False)
    readings: tuple[Reading, ...] = field(default=(), compare=False)
    unknown_agents: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_narrow(self) -> bool:
        """Whether the filters exclude any jobs of the tenant."""
        texts = (self.words, self.statuses, self.types, self.agents, self.agent_types)
        times = (self.since, self.until)
        return any((*texts, self.events, self.sessions, self.raw_q)) or any(
            time is not None for time in times
        )
