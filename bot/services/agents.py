"""What agents are called: their names beside their ids, wherever somebody reads or types one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Protocol, TypeAlias

from cachetools import TLRUCache

from bot.emporix.models import Agent
from bot.errors import BotError
from bot.models import Caller, Connection, Filters

logger = logging.getLogger(__name__)

KEPT_SECONDS = 5 * 60.0
KEPT_AFTER_FAILURE_SECONDS = 30.0
MOST_KEPT = 500  # users times tenants
MOST_AT_ONCE = 50
GUESSES = 3

Names: TypeAlias = Mapping[str, str]
"""Names by id; empty where they are not known."""

_Key: TypeAlias = tuple[Caller, str]


class ListsAgents(Protocol):
    """The call that gives the names."""

    async def list_agents(self, connection: Connection) -> tuple[Agent, ...]: ...


class AgentNames:
    """Names in the memory of this process, each user's own: what a key may not read stays unread.

    Nothing here fails because names cannot be had: ids do, too.
    """

    def __init__(self, emporix: ListsAgents, clock: Callable[[], float]) -> None:
        self._emporix = emporix
        self._known: TLRUCache[_Key, Names] = TLRUCache(MOST_KEPT, _end, clock)
        self._asking: dict[_Key, asyncio.Task[Names]] = {}

    def begin(self, held: Connection) -> None:
        """Ask for the names, unless they are known or asked for already."""
        key = _key(held)
        if key in self._known or key in self._asking or len(self._asking) >= MOST_AT_ONCE:
            return
        self._asking[key] = asyncio.create_task(self._ask(held))

    async def within(self, held: Connection, seconds: float) -> Names:
        """The names that are known by then; waits only for a call that is on its way."""
        key = _key(held)
        if asking := self._asking.get(key):
            await asyncio.wait({asking}, timeout=seconds)
        return self._known.get(key, {})

    async def close(self) -> None:
        """Give up what is on its way."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, held: Connection) -> Names:
        agents: Iterable[Agent] = ()
        try:
            agents = await self._emporix.list_agents(held)
        except BotError as error:
            logger.info("agents are shown by their ids: %s", error.template)
        finally:
            del self._asking[_key(held)]
        names = {agent.id: agent.name for agent in agents if agent.id}
        self._known[_key(held)] = names
        return names


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


def _key(held: Connection) -> _Key:
    return held.caller, held.tenant


def _end(_: _Key, names: Names, now: float) -> float:
    """When names are asked for anew."""
    return now + (KEPT_SECONDS if names else KEPT_AFTER_FAILURE_SECONDS)
