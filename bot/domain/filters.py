"""Filters of a list of jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.records import StoredRecord

NEWEST_FIRST = "metadata.createdAt:DESC"


DEFAULT_PAGE_SIZE = 10


@dataclass(frozen=True, slots=True)
class Filters(StoredRecord):
    """What somebody asked to see, in our words.

    `statuses`, `types`, `agents` (ids), `agent_types`, `events` and `sessions` hold alternatives
    (any of them), as Emporix spells them; `words` are phrases that the agent message must all
    contain. `since` and `until` bound when a job was created, from the one up to the other, in
    seconds since 1970. `raw_q` is passed on as it is and stands alone. An empty `fields` means all
    that a list shows; `page` counts from 1.

    The rest is for the reader: `agent_names` says `agents` in words, `agent_guesses` are names of
    agents that were perhaps meant, and `in_utc` tells that a day was taken as one of UTC, because
    Slack did not say where the asker is.
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

    @property
    def is_narrow(self) -> bool:
        """Whether they leave out any job of the tenant."""
        texts = (self.words, self.statuses, self.types, self.agents, self.agent_types)
        times = (self.since, self.until)
        return any((*texts, self.events, self.sessions, self.raw_q)) or any(
            time is not None for time in times
        )
