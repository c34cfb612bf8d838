"""Lists agents with their failures, and pauses and resumes them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from bot.domain.accounts import DELETE_SCOPE, Account, Caller, Connection, require_connection
from bot.domain.agents import MAX_SWITCH_SECONDS, SWITCH_RETRY_SECONDS, AgentPause, pause_id
from bot.domain.filters import Filters
from bot.domain.jobs import FAILED, Agent, JobPage
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import (
    ActionNotAllowed,
    ActionsOff,
    ActionUnclear,
    BotError,
    Busy,
    EmporixError,
    EmporixUnreadable,
    InvalidInput,
    NotConnected,
    NotFound,
    OutdatedButton,
    StoreUnavailable,
)
from bot.services.accounts import require_action_scope
from bot.services.concurrency import gather_all
from bot.services.references import normalize
from bot.store.accounts import AccountStore
from bot.store.due_index import AgentPauseStore
from bot.store.idempotency import Deletions

logger = logging.getLogger(__name__)

MAX_AGENTS_SHOWN = 10
FAILURES_SECONDS = 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent, its pause, and its failed jobs of the last 24 hours, of which the newest is read.

    `pause` is None if the app hasn't paused the agent.
    """

    agent: Agent
    pause: AgentPause | None
    failed: JobPage


@dataclass(frozen=True, slots=True)
class AgentList:
    """A page of a tenant's agents, paused ones first; `can_pause`: the user may pause agents."""

    tenant: str
    rows: tuple[AgentRow, ...]
    page: int
    total: int
    can_pause: bool

    @property
    def last_page(self) -> int:
        return max(1, -(-self.total // MAX_AGENTS_SHOWN))


@dataclass(frozen=True, slots=True)
class PauseResult:
    """The pause of an agent after a click; `is_new` is False if the click has changed nothing."""

    pause: AgentPause
    is_new: bool


INTERRUPTIONS = (EmporixError, StoreUnavailable, Busy)
"""Errors during a switch, after which the stored pause says whether it may have worked."""

MAX_SWITCH_ROUNDS = 3
MAX_REFUSED_SECONDS = 3 * 60.0
"""How long a worker tries again while Emporix refuses the API key, which may be temporary."""


class AgentPauses:
    """Lists, pauses and resumes agents; `allowed` is the operator's setting.

    Each step is saved before Emporix is called. After an unknown result, the agent is read before
    it is switched again, so a change by someone else in the meantime is not overwritten. Every
    method raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(
        self,
        emporix: EmporixClient,
        accounts: AccountStore,
        store: AgentPauseStore,
        locks: Deletions,
        clock: Clock,
        *,
        allowed: bool,
    ) -> None:
        self._emporix, self._accounts, self._store = emporix, accounts, store
        self._locks, self._clock, self._allowed = locks, clock, allowed

    async def list(self, account: Account, tenant: str, page: int) -> AgentList:
        """Read a page of agents, with one call, and another one for each agent on the page.

        Raises NotConnected and EmporixError.
        """
        connection = require_connection(account, tenant)
        agents = await self._emporix.list_agents(connection)
        pauses = await self._active_pauses(connection, [one for one in agents if not one.enabled])
        ordered = sorted(
            agents, key=lambda one: (one.id not in pauses, normalize(one.name), one.id)
        )
        page = max(1, min(page, -(-len(agents) // MAX_AGENTS_SHOWN)))
        shown = ordered[(page - 1) * MAX_AGENTS_SHOWN : page * MAX_AGENTS_SHOWN]
        failed = await gather_all(*(self._failures(connection, one.id) for one in shown))
        rows = [
            AgentRow(one, pauses.get(one.id), jobs) for one, jobs in zip(shown, failed, strict=True)
        ]
        can_pause = self._allowed and connection.can_pause
        return AgentList(connection.tenant, tuple(rows), page, len(agents), can_pause)

    async def _active_pauses(
        self, connection: Connection, agents: Sequence[Agent]
    ) -> dict[str, AgentPause]:
        """The pauses of those agents that the app has paused."""
        team_id = connection.caller.team_id
        ids = [pause_id(team_id, connection.tenant, agent.id) for agent in agents]
        found = zip(agents, await self._store.load_all(ids), strict=True)
        return {agent.id: pause for agent, pause in found if pause and pause.is_active}

    async def _failures(self, connection: Connection, agent_id: str) -> JobPage:
        since = self._clock() - FAILURES_SECONDS
        filters = Filters(agents=(agent_id,), statuses=(FAILED,), since=since, size=1)
        return await self._emporix.list_jobs(connection, filters)

    async def find(self, account: Account, tenant: str, agent_id: str) -> Agent:
        """Read an agent that the user may pause.

        Raises ActionsOff, NotConnected, ActionNotAllowed, EmporixError, and InvalidInput if it was
        deleted.
        """
        agent = await self._read(self._admit(account, tenant), agent_id)
        if agent is None:
            advice = "Type /emporix agents to see those of the tenant."
            raise InvalidInput("This agent was deleted", advice=advice)
        return agent

    async def pause(self, account: Account, asked: AgentPause) -> PauseResult:
        """Pause an agent as `asked`, unless it is paused already.

        The result is still `pausing` if it is unknown whether it worked: a worker finds out.
        Raises ActionsOff, NotConnected, ActionNotAllowed, InvalidInput if another pause has just
        ended, EmporixError if the agent was not switched, and ActionUnclear if a worker may still
        pause it.
        """
        connection = self._admit(account, asked.tenant)
        async with self._lock(asked):
            try:
                saved = await self._store.update(asked.id, asked.at, lambda one: _begun(one, asked))
                if saved == asked:
                    switched = await self._switch(connection, asked, account.caller)
                    return PauseResult(switched, is_new=True)
            except INTERRUPTIONS as error:
                return PauseResult(await self._withdraw(asked, error), is_new=True)
            known = await self._still_paused(connection, saved or asked)
            return PauseResult(known, is_new=False)

    async def _withdraw(self, asked: AgentPause, error: BotError) -> AgentPause:
        """Delete a pause after an error, and raise it, unless the agent may have been switched."""

        def is_untried(one: AgentPause) -> bool:
            return _is_same(one, asked) and one.state == "pausing" and not one.is_tried

        try:
            known = await self._store.delete_if(asked.id, is_untried)
        except (StoreUnavailable, Busy):
            raise ActionUnclear("pause") from error
        if known is None or not _is_same(known, asked):
            raise error
        return _logged(known)

    async def _still_paused(self, connection: Connection, pause: AgentPause) -> AgentPause:
        """A pause that began earlier; raises InvalidInput if it has ended, in Slack or Emporix."""
        if pause.state == "paused":
            agent = await self._read(connection, pause.agent_id)
            if agent and agent.enabled:
                pause = await self._save(pause, lambda one, now: one.after_switch_elsewhere(now))
        if not pause.is_active:
            advice = "Wait a few seconds, and pause it again."
            raise InvalidInput("An earlier pause of this agent has just ended", advice=advice)
        return pause

    async def resume(self, account: Account, tenant: str, agent_id: str) -> PauseResult:
        """Resume an agent that was paused, with the API key of the user who resumes it.

        The result is still `resuming` if it is unknown whether it worked. Raises ActionsOff,
        NotConnected, ActionNotAllowed, OutdatedButton if the app hasn't paused the agent,
        InvalidInput if it is off for another reason, EmporixError if it was not switched, and
        ActionUnclear if a worker may still resume it.
        """
        connection, caller = self._admit(account, tenant), account.caller
        before = await self._store.load(pause_id(caller.team_id, connection.tenant, agent_id))
        if before is None:
            raise OutdatedButton("/emporix agents")
        async with self._lock(before):
            before = await self._store.load(before.id) or before
            try:
                begun = await self._save(before, lambda one, now: one.resuming(caller, now))
                if begun.state == "resuming" and begun.resumed_by == caller:
                    resumed = await self._switch(connection, begun, caller)
                    return PauseResult(resumed, is_new=True)
            except INTERRUPTIONS as error:
                kept = await self._keep_paused(before, caller, error)
                return PauseResult(kept, is_new=True)
            await self._require_on(connection, begun)
            return PauseResult(begun, is_new=False)

    async def _require_on(self, connection: Connection, pause: AgentPause) -> None:
        """Raises InvalidInput if an agent was switched off again after its pause."""
        if pause.outcome not in ("resumed", "enabled"):
            return
        agent = await self._read(connection, pause.agent_id)
        if agent and not agent.enabled:
            problem = "The pause of this agent is over, but someone has switched it off in Emporix"
            raise InvalidInput(problem, advice="Switch it on there.")

    async def _keep_paused(self, before: AgentPause, caller: Caller, error: BotError) -> AgentPause:
        """Restore a pause after an error, and raise it, unless the agent may have been switched."""

        def restored(one: AgentPause, now: float) -> AgentPause:
            is_untried = one.resumed_by == caller and not one.is_tried
            return one.not_resumed(before) if is_untried else one

        try:
            known = await self._save(before, restored)
        except (StoreUnavailable, Busy):
            raise ActionUnclear("resume") from error
        if known.state == "paused" and known.news == before.news:
            raise error
        return _logged(known)

    async def active_of(self, owner: Caller, tenant: str) -> Sequence[AgentPause]:
        """The agents of a tenant that a user has paused; scans the keys in Redis."""
        pauses = await self._store.with_prefix(f"{owner.team_id}-")
        mine = [one for one in pauses if (one.owner, one.tenant) == (owner, tenant)]
        return [one for one in mine if one.is_active]

    async def settle(self, id_: str) -> AgentPause | None:
        """Resume an agent that is due, or find out whether it was switched; None if it is gone."""
        pause = await self._store.load(id_)
        if pause is None or not self._has_work(pause):
            return pause
        async with self._lock(pause):
            pause = await self._store.load(id_)
            if pause is None or not self._has_work(pause):
                return pause
            pause = await self._save(pause, lambda one, now: one.resuming(None, now))
            try:
                account = await self._accounts.load(pause.actor)
                return await self._switch(self._admit(account, pause.tenant), pause, None)
            except (NotConnected, ActionNotAllowed, ActionsOff, EmporixError) as error:
                return await self._postpone(pause, error)

    def _has_work(self, pause: AgentPause) -> bool:
        at = pause.retry_at if pause.is_switching else pause.resumes_at
        return at is not None and at <= self._clock()

    async def _postpone(
        self, pause: AgentPause, error: NotConnected | ActionNotAllowed | ActionsOff | EmporixError
    ) -> AgentPause:
        """Try again later, but not for too long; give up if the app itself may not switch it."""
        logger.warning("an agent could not be switched: %s", error.template)
        most = MAX_SWITCH_SECONDS if error.is_temporary else MAX_REFUSED_SECONDS
        is_late = self._clock() - pause.since > most
        if is_late or not isinstance(error, EmporixError):
            return await self._save(
                pause, lambda one, now: one.after_giving_up(error.template, now)
            )
        wait = max(error.retry_after or 0.0, SWITCH_RETRY_SECONDS)
        return await self._save(pause, lambda one, now: replace(one, retry_at=now + wait))

    async def mark_announced(self, pause: AgentPause) -> None:
        """Save that users were told about the state of a pause."""
        await self._save(pause, lambda one, now: one.after_announcing(pause))

    async def _switch(
        self, connection: Connection, pause: AgentPause, seen_by: Caller | None
    ) -> AgentPause:
        """Switch an agent on or off, and read it until the result is known.

        `seen_by` is the user who sees the result at once. Raises the error of the last attempt; the
        pause is still `is_tried` if it may have worked.
        """
        failure: EmporixError = EmporixUnreadable(tenant=connection.tenant, because="no change")
        user_id, is_accepted = seen_by.user_id if seen_by else "", False
        for _ in range(MAX_SWITCH_ROUNDS):
            agent = await self._read(connection, pause.agent_id)
            pause = await self._save(pause, _after_reading(agent, user_id, is_accepted=is_accepted))
            if not pause.is_switching:
                return pause
            read = pause
            pause = await self._save(pause, lambda one, now: one.trying(now))
            wanted = pause.state == "resuming"
            try:
                await self._emporix.switch_agent(connection, pause.agent_id, enabled=wanted)
                is_accepted = True
            except EmporixError as error:
                failure, is_accepted = error, False
                if not error.may_have_worked and not isinstance(error, NotFound):
                    await self._save(pause, partial(_refused, read))
                    raise
        raise failure

    async def _read(self, connection: Connection, agent_id: str) -> Agent | None:
        """An agent; None if it was deleted."""
        try:
            return await self._emporix.get_agent(connection, agent_id)
        except NotFound:
            return None

    async def _save(
        self, pause: AgentPause, how: Callable[[AgentPause, float], AgentPause]
    ) -> AgentPause:
        """Change a pause; raises Busy if it has been deleted, or replaced by another pause."""
        now = self._clock()

        def changed(one: AgentPause | None) -> AgentPause | None:
            return how(one, now) if one and _is_same(one, pause) else None

        saved = await self._store.update(pause.id, now, changed)
        if saved is None or not _is_same(saved, pause):
            raise Busy
        return saved

    def _admit(self, account: Account, tenant: str) -> Connection:
        if not self._allowed:
            raise ActionsOff
        return require_action_scope(account, tenant, DELETE_SCOPE)

    @asynccontextmanager
    async def _lock(self, pause: AgentPause) -> AsyncIterator[None]:
        """Lock an agent; raises Busy if another process switches it for several seconds."""
        async with self._locks.lock(pause.owner, f"agent:{pause.id}") as is_locked:
            if not is_locked:
                raise Busy
            yield


def _logged(pause: AgentPause) -> AgentPause:
    if pause.is_switching:
        logger.warning("unknown whether an agent was switched")
    return pause


def _is_same(one: AgentPause, other: AgentPause) -> bool:
    """Whether two records are of the same pause, and not of two pauses of an agent."""
    return (one.at, one.owner) == (other.at, other.owner)


def _begun(known: AgentPause | None, asked: AgentPause) -> AgentPause:
    """The pause that was asked for, unless another one is active, or its end isn't announced."""
    return known if known and (known.is_active or known.has_news) else asked


def _refused(before: AgentPause, pause: AgentPause, now: float) -> AgentPause:
    """The pause after a switch that certainly had no effect: as uncertain as `before`."""
    return replace(pause, is_tried=before.is_tried)


def _after_reading(
    agent: Agent | None, user_id: str, *, is_accepted: bool
) -> Callable[[AgentPause, float], AgentPause]:
    def changed(pause: AgentPause, now: float) -> AgentPause:
        after = pause.after_reading(agent, now, is_accepted=is_accepted)
        return after if after.news == pause.news else replace(after, seen_by=user_id)

    return changed
