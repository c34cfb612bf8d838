"""What agents are called: their names beside their ids, wherever somebody reads or types one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Protocol, TypeAlias

from bot.emporix.models import Agent
from bot.errors import BotError
from bot.models import Caller, Connection, Credentials, Filters
from bot.services.concurrency import SingleFlight

logger = logging.getLogger(__name__)

KEPT_SECONDS = 5 * 60.0
KEPT_AFTER_FAILURE_SECONDS = 30.0
MOST_KEPT = 500  # users times tenants
MOST_AT_ONCE = 50
GUESSES = 3

Names: TypeAlias = Mapping[str, str]
"""Names by id; empty where they are not known."""


class ListsAgents(Protocol):
    """The call that gives the names."""

    async def list_agents(self, connection: Connection) -> tuple[Agent, ...]: ...


class AgentNames:
    """Names in the memory of this process, each user's own: what a key may not read stays unread.

    Nothing here fails because names cannot be had: ids do, too.
    """

    def __init__(self, emporix: ListsAgents, clock: Callable[[], float]) -> None:
        self._emporix = emporix
        self._names: SingleFlight[Names] = SingleFlight(clock, _kept_seconds, MOST_KEPT)

    def begin(self, held: Connection) -> None:
        """Ask for the names, unless they are known, or too much is being asked already."""
        if self._names.cached(_key(held)) is None and len(self._names) < MOST_AT_ONCE:
            self._names.start(_key(held), partial(self._ask, held))

    async def within(self, held: Connection, seconds: float) -> Names:
        """The names that are known by then; waits only for a call that is on its way."""
        if asking := self._names.running(_key(held)):
            await asyncio.wait({asking}, timeout=seconds)
        return self._names.cached(_key(held)) or {}

    async def close(self) -> None:
        """Cancel the calls on their way."""
        await self._names.close()

    async def _ask(self, held: Connection) -> Names:
        try:
            agents = await self._emporix.list_agents(held)
        except BotError as error:
            logger.info("agents are shown by their ids: %s", error.template)
            return {}
        return {agent.id: agent.name for agent in agents if agent.id}


def meant(filters: Filters, names: Names) -> Filters:
    """`filters` with the ids of the agents that were typed, by id or by name in any case.

    What no agent is called is taken for an id, with the names that come near as guesses: an agent
    can be gone while its jobs are still there.
    """
    ids: dict[str, None] = {}
    shown: dict[str, None] = {}
    guesses: dict[str, None] = {}
    for typed in filters.agents:
        found = _ids(typed, names)
        ids.update(dict.fromkeys(found or [typed]))
        shown.update(dict.fromkeys([names[id_] for id_ in found] or [typed]))
        if not found:
            guesses.update(dict.fromkeys(_near(typed, names)))
    return replace(
        filters, agents=tuple(ids), agent_names=tuple(shown), agent_guesses=tuple(guesses)
    )


def named_like(typed: str, names: Names) -> dict[str, str]:
    """Those whose name or id has `typed` in it, in any case, by their names."""
    wanted = _folded(typed)
    like = [(name, id_) for id_, name in names.items() if wanted in _folded(f"{name} {id_}")]
    return {id_: name for name, id_ in sorted(like)}


def _ids(typed: str, names: Names) -> list[str]:
    """The agent of that id, or else all of that name."""
    if typed in names:
        return [typed]
    wanted = _folded(typed)
    same_id = [id_ for id_ in names if _folded(id_) == wanted]
    return same_id or [id_ for id_, name in names.items() if _folded(name) == wanted]


def _near(typed: str, names: Names) -> list[str]:
    known = {_folded(word): name for id_, name in names.items() for word in (id_, name)}
    return [known[word] for word in get_close_matches(_folded(typed), known, n=GUESSES)]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _key(held: Connection) -> tuple[Caller, str, Credentials]:
    """With the API key: another one of the same person may be allowed to read less."""
    return held.caller, held.tenant, held.credentials


def _kept_seconds(names: Names) -> float:
    return KEPT_SECONDS if names else KEPT_AFTER_FAILURE_SECONDS
