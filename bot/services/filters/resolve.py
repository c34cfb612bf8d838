"""Resolves typed filters: times in the time zone of the user, and agents by their names."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.filters import Filters
from bot.services.accounts import require_connection
from bot.services.agents import (
    AGENT_NAMES_TIMEOUT_SECONDS,
    AgentNames,
    matching_agents,
    resolve_agents,
)
from bot.services.filters.parser import LocalClock, ParsedFilters, parse

SUGGESTIONS_TIMEOUT_SECONDS = 1.0
"""How long suggestions of agents wait for the names."""


class FilterResolver:
    """Reads what was typed behind a command as filters."""

    def __init__(self, names: AgentNames) -> None:
        self._names = names

    async def parse(
        self,
        text: str,
        account: Account,
        clock: LocalClock,
        *,
        status_words: bool = True,
        tenant: str = "",
    ) -> Filters:
        """The filters that were meant; `status_words` as in `parse`.

        `tenant` is the one whose agents are meant where none was typed, "" for the default one.
        Raises InvalidInput for what cannot be; where a day or an agent was typed also NotConnected
        and StoreUnavailable.
        """
        asked = parse(text, status_words=status_words)
        return await self.resolve(asked, account, clock, tenant=tenant)

    async def resolve(
        self, asked: ParsedFilters, account: Account, clock: LocalClock, *, tenant: str = ""
    ) -> Filters:
        """The filters that were meant by what has been read already; otherwise as `parse`."""
        filters = await asked.resolve(clock)
        if not filters.agents:
            return filters
        connection = require_connection(account, filters.tenant or tenant)
        self._names.prefetch(connection)
        return resolve_agents(
            filters, await self._names.get_within(connection, AGENT_NAMES_TIMEOUT_SECONDS)
        )

    async def suggest_agents(self, account: Account, tenant: str, typed: str) -> dict[str, str]:
        """The agents whose name or id has `typed` in it, names by id; raises NotConnected."""
        connection = require_connection(account, tenant)
        self._names.prefetch(connection)
        return matching_agents(
            typed, await self._names.get_within(connection, SUGGESTIONS_TIMEOUT_SECONDS)
        )
