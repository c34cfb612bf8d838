"""Pausing and resuming agents: what users read about it is true, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from bot.domain.accounts import ACTION_SCOPES, DELETE_SCOPE, Caller, Credentials
from bot.domain.agents import AgentPause, pause_id
from bot.emporix.client import EmporixClient
from bot.errors import ActionUnclear, BotError
from bot.services.agent_pauses import AgentPauses
from bot.store.accounts import AccountStore, TokenStore
from bot.store.due_index import agent_pause_store
from bot.store.encryption import AccountEncryption
from bot.store.idempotency import Deletions
from sandbox.emporix.app import create_app
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import faulty_client
from tests.harness.polling import CIPHER
from tests.store.fixtures import ADA, GRACE, connection

AGENT = "complaint-agent"
HOUR = 60 * 60.0
MAX_CALLS = 60


class Killed(BaseException):
    """The process is killed."""


@dataclass
class Switchboard(httpx.AsyncBaseTransport):
    """Emporix whose next switch of an agent calls `before`, takes effect, and calls `after`."""

    state: EmporixState
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.app = httpx.ASGITransport(app=create_app(self.state))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_switch = request.method == "PATCH"
        if is_switch and (act := self.before):
            self.before = None
            act()
        response = await self.app.handle_async_request(request)
        if is_switch and (act := self.after):
            self.after = None
            act()
        return response


class Operations:
    """Ada and Grace, who may pause the agent, and a worker."""

    def __init__(self, redis: Any, http: httpx.AsyncClient, transport: Switchboard, clock: Any):
        self.transport, self.clock = transport, clock
        self.redis: Any = faulty_client(redis)
        records = AccountEncryption(CIPHER)
        self.accounts = AccountStore(self.redis, records)
        emporix = EmporixClient(http, TokenStore(self.redis, records), clock)
        self.store = agent_pause_store(self.redis, CIPHER)
        locks = Deletions(self.redis)
        self.pauses = AgentPauses(emporix, self.accounts, self.store, locks, clock, allowed=True)
        self.announced: list[AgentPause] = []

    @property
    def agent(self) -> dict[str, Any]:
        found = self.transport.state.tenant("acme").agents.get(AGENT)
        assert found
        return found

    @property
    def is_on(self) -> bool:
        return bool(self.agent["enabled"])

    @property
    def version(self) -> int:
        return int(self.agent["metadata"]["version"])

    async def pause(self, caller: Caller = ADA) -> AgentPause:
        now, account = self.clock(), await self.accounts.load(caller)
        asked = AgentPause(
            *(pause_id(caller.team_id, "acme", AGENT), caller, "acme", AGENT, ""),
            *(now, now + 4 * HOUR, "Wrong prices", now + 40, now),
        )
        return (await self.pauses.pause(account, asked)).pause

    async def resume(self, caller: Caller = GRACE) -> AgentPause:
        account = await self.accounts.load(caller)
        return (await self.pauses.resume(account, "acme", AGENT)).pause

    async def stored(self) -> AgentPause | None:
        return await self.store.load(pause_id(ADA.team_id, "acme", AGENT))

    async def work_for(self, seconds: float, step: float = 20) -> None:
        """Do what is due, as a worker does."""
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.forward(step)
            for id_ in await self.store.due.claim(self.clock(), 10):
                pause = await self.pauses.settle(id_)
                if pause and pause.has_news:
                    self.announced.append(pause)
                    await self.pauses.mark_announced(pause)
                await self.store.settle(id_)


@asynccontextmanager
async def open_operations(redis: Any) -> AsyncIterator[Operations]:
    await redis.flushall()
    clock = FakeClock()
    state = EmporixState(clock)
    state.add_agent("acme", id=AGENT)
    transport = Switchboard(state)
    async with httpx.AsyncClient(base_url="http://emporix", transport=transport) as http:
        office = Operations(redis, http, transport, clock)
        key = Credentials(ACME_OPERATIONS.client_id, ACME_OPERATIONS.client_secret)
        for caller in (ADA, GRACE):
            scopes = frozenset(ACTION_SCOPES.split())
            held = replace(connection(caller, "acme"), credentials=key, scopes=scopes, token=None)
            await office.accounts.save(replace(held, allows_actions=True), default=True)
        yield office


async def outcome(office: Operations, act: Callable[[], Any]) -> AgentPause | BotError | None:
    """What the user sees; None if the process was killed."""
    try:
        return await act()  # type: ignore[no-any-return]
    except BotError as error:
        return error
    except Killed:
        return None


FAILURES = [(after, error) for after in (False, True) for error in (None, Killed())]


@pytest.mark.parametrize(("after", "error"), FAILURES)
async def test_a_failure_while_pausing(
    after: bool, error: BaseException | None, redis: Any
) -> None:
    """If Redis fails once, or the process is killed at any step, users know what happens.

    An error means that nothing happens, now or later. If the process was killed, the agent is
    paused, and a worker tells the user, or nothing happens. Every pause ends.
    """
    for call in range(1, MAX_CALLS):
        async with open_operations(redis) as office:
            with office.redis.faults.at(call, after=after, error=error):
                seen = await outcome(office, office.pause)
                is_over = office.redis.faults.calls < call
            if isinstance(seen, BotError):
                assert not isinstance(seen, ActionUnclear)
                assert office.is_on
            elif seen and seen.state == "paused":
                assert not office.is_on
            await office.work_for(120)
            told = [one.state for one in office.announced if not one.seen_by]
            if isinstance(seen, BotError):
                assert (office.version, told) == (1, [])
            elif seen:
                assert not office.is_on
                assert told == ([] if seen.state == "paused" else ["paused"])
            else:
                assert office.is_on or "paused" in told or (await office.stored()) is not None
            await office.work_for(5 * HOUR, step=300)
            assert office.is_on
            if is_over:
                return
    raise AssertionError("every call failed")


@pytest.mark.parametrize(("after", "error"), FAILURES)
async def test_a_failure_while_resuming(
    after: bool, error: BaseException | None, redis: Any
) -> None:
    """If Redis fails once, or the process is killed at any step, the agent is resumed by its end.

    An error means that it is resumed at the end of its pause, and not before.
    """
    for call in range(1, MAX_CALLS):
        async with open_operations(redis) as office:
            await office.pause()
            await office.work_for(5, step=5)
            with office.redis.faults.at(call, after=after, error=error):
                seen = await outcome(office, office.resume)
                is_over = office.redis.faults.calls < call
            await office.work_for(HOUR)
            if isinstance(seen, BotError):
                assert not isinstance(seen, ActionUnclear)
                assert not office.is_on
            elif seen:
                assert office.is_on
            await office.work_for(4 * HOUR, step=300)
            assert (office.is_on, office.version) == (True, 3)
            if is_over:
                return
    raise AssertionError("every call failed")


@pytest.mark.parametrize("act", ["pause", "resume"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_outage_during_the_switch(act: str, moment: str, redis: Any) -> None:
    """If Redis stays down, the user learns that it is unclear, and a worker tells them the end."""
    async with open_operations(redis) as office:
        if act == "resume":
            await office.pause()
            await office.work_for(5, step=5)
        setattr(office.transport, moment, office.redis.faults.break_all)
        seen = await outcome(office, getattr(office, act))
        assert isinstance(seen, ActionUnclear)
        assert seen.action == act
        office.redis.faults.repair()
        await office.work_for(120)
        assert office.is_on is (act == "resume")
        assert [one.seen_by for one in office.announced][-1] == ""


@pytest.mark.parametrize("act", ["pause", "resume"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_during_the_switch(act: str, moment: str, redis: Any) -> None:
    """If the process is killed before or after the agent was switched, a worker finishes it."""

    def kill() -> None:
        raise Killed

    async with open_operations(redis) as office:
        if act == "resume":
            await office.pause()
            await office.work_for(5, step=5)
        setattr(office.transport, moment, kill)
        assert await outcome(office, getattr(office, act)) is None
        await office.work_for(120)
        assert office.is_on is (act == "resume")
        assert office.version == (3 if act == "resume" else 2)
        await office.work_for(5 * HOUR, step=300)
        assert (office.is_on, office.version) == (True, 3)


async def test_simultaneous_clicks(redis: Any) -> None:
    """Simultaneous pauses and resumes of several users switch the agent once each."""
    async with open_operations(redis) as office:
        paused = await asyncio.gather(*(office.pause(who) for who in (ADA, GRACE, ADA, GRACE)))
        assert {one.state for one in paused} == {"paused"}
        assert (office.is_on, office.version) == (False, 2)
        resumed = await asyncio.gather(*(office.resume(who) for who in (ADA, GRACE, ADA, GRACE)))
        assert {one.outcome for one in resumed} == {"resumed"}
        assert (office.is_on, office.version) == (True, 3)


async def test_finds_the_pauses_of_a_user(redis: Any) -> None:
    """A user's active pauses in a tenant are found, and no others."""
    async with open_operations(redis) as office:
        pause = await office.pause()
        assert await office.pauses.active_of(ADA, "acme") == [pause]
        assert await office.pauses.active_of(ADA, "globex") == []
        assert await office.pauses.active_of(GRACE, "acme") == []
        assert await office.pauses.active_of(replace(ADA, team_id="T0"), "acme") == []
        await office.resume()
        assert await office.pauses.active_of(ADA, "acme") == []


async def test_finds_users_who_may_pause(redis: Any) -> None:
    """Users who allowed agent actions in a tenant are found, if their key has the scope."""
    async with open_operations(redis) as office:
        found = await office.accounts.allowing(ADA.team_id, "acme", DELETE_SCOPE)
        assert found == [ADA, GRACE]
        assert await office.accounts.allowing(ADA.team_id, "globex", DELETE_SCOPE) == []
        assert await office.accounts.allowing("T0", "acme", DELETE_SCOPE) == []
        held = (await office.accounts.load(ADA)).connections["acme"]
        await office.accounts.save(replace(held, allows_actions=False), default=True)
        found = await office.accounts.allowing(ADA.team_id, "acme", DELETE_SCOPE)
        assert found == [GRACE]
