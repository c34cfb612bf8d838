"""Running jobs again: at most one new job for each confirmation, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import ACTION_SCOPES, DELETE_SCOPE, RUN_SCOPE, Caller, Credentials
from bot.domain.runs import Run, run_id
from bot.emporix.client import EmporixClient
from bot.errors import (
    ActionNotAllowed,
    ActionsOff,
    ActionUnclear,
    BotError,
    Busy,
    InvalidInput,
    NotConnected,
    StoreUnavailable,
)
from bot.services.agents import AgentNames, NamedJobs
from bot.services.jobs import JobService
from bot.services.runs import RunRequest, RunService
from bot.store.accounts import AccountStore, TokenStore
from bot.store.audit import AuditLog
from bot.store.due_index import run_store
from bot.store.encryption import AccountEncryption
from bot.store.ui_state import ListStore
from sandbox.emporix.app import create_app
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import faulty_client
from tests.harness.polling import CIPHER, OTHER_CIPHER
from tests.store.fixtures import ADA, GRACE, connection

JOB = "68835cc3ef4e8e1425c30001"
EARLIER = {"version": 1, "createdAt": "2026-11-20T10:30:27.167Z"}
CERTAIN = ("429", "400", "403", "404", "refused")
"""Ends of the call that start nothing, and say so."""

UNCERTAIN = ("500", "503", "cut", "slow", "html", "empty")
"""Ends of the call that the agent may have been started with."""


class Killed(BaseException):
    """The process is killed."""


@dataclass
class Flaky(httpx.AsyncBaseTransport):
    """Emporix whose calls that start agents end as `ends` say: with or without effect, or later."""

    state: EmporixState
    clock: FakeClock
    ends: list[tuple[str, float | None]] = field(default_factory=list)
    search_fails: bool = False
    on_start: Callable[[], None] = lambda: None
    late: list[tuple[float, httpx.Request]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = httpx.ASGITransport(app=create_app(self.state))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.url.path.endswith("/chat-async"):
            return await self._start(request)
        if self.search_fails and request.url.path.endswith("/jobs"):
            raise httpx.ReadTimeout("slow", request=request)
        return await self.app.handle_async_request(request)

    async def _start(self, request: httpx.Request) -> httpx.Response:
        self.sessions.append(request.headers["session-id"])
        self.on_start()
        end, delay = self.ends.pop(0) if self.ends else ("honest", 0)
        if end in CERTAIN:
            delay = None
        answer = None
        if delay == 0:
            answer = await self.app.handle_async_request(request)
        elif delay is not None:
            self.late.append((self.clock() + delay, request))
        return answer if answer and end == "honest" else _ended(end, request)

    async def take_effect(self) -> None:
        """Start the agents of the calls whose effect is late."""
        due = [one for one in self.late if one[0] <= self.clock()]
        self.late = [one for one in self.late if one not in due]
        for _, request in due:
            await self.app.handle_async_request(request)


def _ended(end: str, request: httpx.Request) -> httpx.Response:
    match end:
        case "killed":
            raise Killed
        case "refused":
            raise httpx.ConnectError("refused", request=request)
        case "cut":
            raise httpx.RemoteProtocolError("cut", request=request)
        case "slow":
            raise httpx.ReadTimeout("slow", request=request)
        case "html":
            return httpx.Response(502, html="<html>", request=request)
        case "empty" | "honest":
            return httpx.Response(201, json={}, request=request)
    return httpx.Response(int(end), json={"code": int(end), "message": "no"}, request=request)


class Office:
    """Ada and Grace, both of whom may run the failed job again, and a worker."""

    def __init__(self, redis: Any, http: httpx.AsyncClient, transport: Flaky, **options: Any):
        self.transport, self.clock = transport, transport.clock
        self.redis: Any = faulty_client(redis)
        numbers, cipher = count(1), options.pop("cipher", CIPHER)
        records = AccountEncryption(cipher)
        self.accounts = AccountStore(self.redis, records)
        emporix = EmporixClient(http, TokenStore(self.redis, records), self.clock)
        self.store = run_store(self.redis, cipher)
        self.audit = AuditLog(self.redis)
        self.names = AgentNames(emporix, self.clock)
        jobs = JobService(
            NamedJobs(emporix, self.names),
            ListStore(self.redis, self.clock),
            self.store,
            dashboard_url="https://admin.emporix.io",
            new_cursor_id=lambda: str(next(numbers)),
            clock=self.clock,
        )
        self.jobs = jobs
        self.runs = RunService(
            jobs,
            emporix,
            self.store,
            self.accounts,
            self.audit,
            clock=self.clock,
            new_session_id=lambda: str(UUID(int=next(numbers))),
            **{"allowed": True, **options},
        )
        self.unchecked: set[str] = set()
        self.seen: dict[str, int] = {}

    async def connect(self, *callers: Caller, allows_actions: bool = True, scopes: str) -> None:
        for caller in callers:
            held = replace(
                connection(caller, "acme"),
                credentials=Credentials(ACME_OPERATIONS.client_id, ACME_OPERATIONS.client_secret),
                scopes=frozenset(scopes.split()),
                allows_actions=allows_actions,
                token=None,
            )
            await self.accounts.save(held, default=True)

    @property
    def agents_started(self) -> list[str]:
        """The sessions of the jobs that were started, oldest first."""
        jobs = [job for job in self.transport.state.jobs("acme") if job["id"] != JOB]
        return [job["sessionId"] for job in reversed(jobs)]

    async def look(self, caller: Caller) -> None:
        """See the last attempt, even if it isn't settled yet."""
        account = await self.accounts.load(caller)
        card = await self.jobs.get(account, JOB, "acme")
        self.seen[caller.user_id] = card.run.attempt if card.run else 0

    async def press(self, caller: Caller) -> Run:
        account = await self.accounts.load(caller)
        seen = self.seen.get(caller.user_id, 0)
        return (await self.runs.start(account, RunRequest("acme", JOB, "Again", seen))).run

    async def last(self) -> Run:
        run = await self.store.load(run_id(ADA, "acme", JOB))
        assert run
        return run

    async def work(self) -> None:
        """Look after the attempts that are due, as a worker does."""
        for id_ in await self.store.due.claim(self.clock(), 10):
            run = await self.runs.check(id_)
            if run and run.state not in ("sending", "unknown"):
                await self.runs.settle(run)
                self.unchecked |= {run.session_id} if run.state == "unchecked" else set()

    async def work_for(self, seconds: int, step: int = 5) -> None:
        for _ in range(0, seconds, step):
            self.clock.forward(step)
            await self.transport.take_effect()
            await self.work()

    async def results(self) -> list[tuple[str, str]]:
        entries = await self.audit.latest(ADA, 100)
        return [(entry.user_id, entry.result) for entry in reversed(entries)]


@asynccontextmanager
async def open_office(redis: Any, **options: Any) -> AsyncIterator[Office]:
    clock = options.pop("clock", None) or FakeClock()
    state = options.pop("state", None) or EmporixState(clock)
    state.add_agent("acme", id="complaint-agent")
    state.add_job("acme", id=JOB, status="failure", message="Where is EON1031?", metadata=EARLIER)
    transport = Flaky(state, clock)
    async with httpx.AsyncClient(base_url="http://emporix", transport=transport) as http:
        office = Office(redis, http, transport, **options)
        await office.connect(ADA, GRACE, scopes=ACTION_SCOPES)
        try:
            yield office
        finally:
            await office.names.close()


@pytest.fixture
async def office(redis: Any) -> AsyncIterator[Office]:
    async with open_office(redis) as opened:
        yield opened


async def test_starts_an_agent_once(office: Office) -> None:
    """The new job is known at once, and the attempt is recorded."""
    run = await office.press(ADA)
    (job, _) = office.transport.state.jobs("acme")
    assert (run.state, run.new_job_id, run.attempt) == ("started", job["id"], 1)
    assert (job["message"], job["sessionId"]) == ("Again", run.session_id)
    assert await office.results() == [("U0ADA", "done")]
    assert (await office.audit.latest(ADA, 1))[0].detail == job["id"]


async def test_sends_a_long_message_of_the_job_by_default(office: Office) -> None:
    """Without another text, the agent gets what it got before, if that is too long for the form."""
    account = await office.accounts.load(ADA)
    with pytest.raises(InvalidInput):
        await office.runs.start(account, RunRequest("acme", JOB, ""))
    state, long = office.transport.state, "x" * 3001
    state.add_job("acme", id=JOB, status="failure", message=long, metadata=EARLIER)
    await office.runs.start(account, RunRequest("acme", JOB, ""))
    assert state.jobs("acme")[0]["message"] == long


async def test_simultaneous_confirmations_start_one_agent(office: Office) -> None:
    """Two users and a double click start one agent; the others see that attempt."""
    runs = await asyncio.gather(*(office.press(who) for who in (ADA, ADA, GRACE, GRACE)))
    assert len({run.session_id for run in runs}) == 1
    assert office.agents_started == [runs[0].session_id]
    assert sorted(result for _, result in await office.results()) == ["done", *["run_taken"] * 3]


@pytest.mark.parametrize("end", CERTAIN)
async def test_a_refusal_can_be_repeated_at_once(office: Office, end: str) -> None:
    """After a definite refusal, the next attempt begins without waiting."""
    office.transport.ends = [(end, None)]
    with pytest.raises(BotError) as caught:
        await office.press(ADA)
    assert await office.results() == [("U0ADA", caught.value.template)]
    assert (await office.press(ADA)).state == "started"
    assert len(office.agents_started) == 1


@pytest.mark.parametrize("end", [*UNCERTAIN, "killed"])
@pytest.mark.parametrize("delay", [0, 40])
async def test_a_lost_response_is_found_by_its_session(
    office: Office, end: str, delay: float
) -> None:
    """If the response is lost, the job is found, and no second agent is started."""
    office.transport.ends = [(end, delay)]
    with suppress(Killed):
        assert (await office.press(ADA)).state == "unknown"
    for _ in range(12):
        await office.press(GRACE)
        await office.work_for(5)
    run = await office.last()
    assert (run.state, run.was_unknown, run.is_settled) == ("started", True, True)
    assert office.agents_started == [run.session_id]
    assert ("U0ADA", "done") in await office.results()
    assert ("U0ADA", "begun") not in await office.results()


@pytest.mark.parametrize("end", [*UNCERTAIN, "killed"])
async def test_a_lost_request_can_be_repeated_after_ten_minutes(office: Office, end: str) -> None:
    """If Emporix has no such job after 10 minutes, the next attempt can begin, and not before."""
    office.transport.ends = [(end, None)]
    with suppress(Killed):
        await office.press(ADA)
    await office.work_for(590)
    await office.look(ADA)
    assert (await office.press(ADA)).state == "unknown"
    assert office.agents_started == []
    await office.work_for(20)
    assert (await office.last()).state == "not_found"
    await office.look(ADA)
    assert (await office.press(ADA)).attempt == 2
    assert len(office.agents_started) == 1
    assert ("U0ADA", "run_not_found") in await office.results()


async def test_an_outage_does_not_prove_that_nothing_was_started(office: Office) -> None:
    """While Emporix can't be asked, the search goes on, for at most an hour."""
    office.transport.ends, office.transport.search_fails = [("cut", 0)], True
    await office.press(ADA)
    await office.work_for(3_000)
    assert (await office.last()).state == "unknown"
    office.transport.search_fails = False
    await office.work_for(30)
    assert (await office.last()).state == "started"
    await office.look(ADA)
    office.transport.ends, office.transport.search_fails = [("cut", 0)], True
    await office.press(ADA)
    await office.work_for(3_700)
    assert (await office.last()).state == "unchecked"


async def test_searches_with_the_connection_of_the_user(office: Office) -> None:
    """After a disconnect, nobody can look for the job, and the attempt ends without a result."""
    office.transport.ends = [("cut", 0)]
    await office.press(ADA)
    await office.accounts.delete(ADA, "acme", "")
    await office.work_for(3_700)
    assert (await office.last()).state == "unchecked"


async def test_an_old_claim_is_not_used(redis: Any) -> None:
    """A process that was suspended after its claim does not start the agent later."""
    times = iter([100.0, 103.0])
    async with open_office(redis, stopwatch=lambda: next(times)) as office:
        with pytest.raises(Busy):
            await office.press(ADA)
        assert office.transport.sessions == []
        assert (await office.last()).state == "refused"


async def test_only_permitted_users_can_start_agents(redis: Any) -> None:
    """It takes the operator's permission, the user's, and the scope of the API key."""
    async with open_office(redis, allowed=False) as office:
        with pytest.raises(ActionsOff):
            await office.press(ADA)
    async with open_office(redis) as office:
        await office.connect(ADA, scopes=ACTION_SCOPES, allows_actions=False)
        with pytest.raises(ActionNotAllowed) as caught:
            await office.press(ADA)
        assert caught.value.scope == RUN_SCOPE
        await office.connect(ADA, scopes=f"ai.agent_read {DELETE_SCOPE}")
        with pytest.raises(ActionNotAllowed):
            await office.press(ADA)
        await office.accounts.delete(ADA, "acme", "")
        with pytest.raises(NotConnected):
            await office.press(ADA)
        assert office.transport.sessions == []
        assert [result for _, result in await office.results()][-3:] == [
            *["action_not_allowed"] * 2,
            "not_connected",
        ]


@pytest.mark.parametrize(
    "changes", [{"status": "success"}, {"type": "IMPORT"}, {"agentId": None}, {"message": " "}]
)
async def test_refuses_jobs_that_cannot_run_again(office: Office, changes: dict[str, Any]) -> None:
    """A job that has changed meanwhile, or has nothing to send, starts nothing."""
    office.transport.state.add_job("acme", **({"id": JOB, "status": "failure"} | changes))
    account = await office.accounts.load(ADA)
    with pytest.raises(InvalidInput):
        await office.runs.start(account, RunRequest("acme", JOB, ""))
    assert office.transport.sessions == []
    assert await office.results() == [("U0ADA", "invalid_input")]


async def test_an_unreadable_attempt_blocks_the_next(redis: Any, office: Office) -> None:
    """If the last attempt can't be decrypted, its job may be running, so nothing is started."""
    await office.press(ADA)
    async with open_office(
        redis, cipher=OTHER_CIPHER, state=office.transport.state, clock=office.clock
    ) as other:
        with pytest.raises(StoreUnavailable):
            await other.press(ADA)
    assert len(office.agents_started) == 1


async def test_redis_fails_before_the_call(office: Office) -> None:
    """If the attempt can't be recorded, the agent is not started."""
    for call in range(1, 8):
        with office.redis.faults.at(call, after=False), suppress(BotError):
            await office.press(ADA)
        assert len(office.agents_started) <= 1
        if office.agents_started:
            return
    raise AssertionError("nothing was started")


@pytest.mark.parametrize("after", [False, True])
async def test_the_user_knows_what_a_failure_of_redis_left(redis: Any, *, after: bool) -> None:
    """If Redis fails once, an error means that nothing was started, and can be repeated at once."""
    for call in range(1, 30):
        await redis.flushall()
        async with open_office(redis) as office:
            account = await office.accounts.load(ADA)
            request = RunRequest("acme", JOB, "Again")
            with office.redis.faults.at(call, after=after):
                try:
                    await office.runs.start(account, request)
                except BotError as error:
                    said: BotError | None = error
                else:
                    said = None
                is_broken = office.redis.faults.calls >= call
            started = len(office.agents_started)
            assert started == (0 if said else 1)
            if said:
                assert (await office.press(ADA)).state == "started"
            await office.work_for(900, step=20)
            assert len(office.agents_started) == 1
            if not is_broken:
                return
    raise AssertionError("every call failed")


async def test_an_outage_after_a_refusal_is_not_called_final(office: Office) -> None:
    """If neither the start nor its refusal can be recorded, the user learns what may follow."""
    office.transport.ends = [("429", None)]
    office.transport.on_start = office.redis.faults.break_all
    with pytest.raises(ActionUnclear):
        await office.press(ADA)
    office.redis.faults.repair()
    await office.work_for(40)
    assert (await office.last()).state == "unknown"
    await office.work_for(600)
    assert (await office.last()).state == "not_found"
    assert office.agents_started == []


async def test_keeps_what_the_user_typed_until_the_agent_is_started(office: Office) -> None:
    """A changed message is stored while the outcome is unknown, and not once it is known."""
    office.transport.ends = [("cut", None), ("cut", 0)]
    assert (await office.press(ADA)).text == "Again"
    await office.work_for(620)
    assert (await office.last()).text == "Again"
    await office.look(ADA)
    await office.press(ADA)
    await office.work_for(20)
    run = await office.last()
    assert (run.state, run.text) == ("started", "")


async def test_does_not_store_the_original_message(office: Office) -> None:
    """A message that the user did not change is in Emporix, so it isn't stored."""
    office.transport.ends = [("cut", None)]
    account = await office.accounts.load(ADA)
    result = await office.runs.start(account, RunRequest("acme", JOB, "Where is EON1031?"))
    assert (result.run.state, result.run.text) == ("unknown", "")


async def test_a_second_form_of_the_same_user_is_not_used(office: Office) -> None:
    """If a user confirms two forms at once, one is sent, and the result of the other says so."""
    account = await office.accounts.load(ADA)
    requests = [RunRequest("acme", JOB, text) for text in ("One", "Two")]
    results = await asyncio.gather(*(office.runs.start(account, one) for one in requests))
    assert sorted(result.is_new for result in results) == [False, True]
    (sent,) = [job for job in office.transport.state.jobs("acme") if job["id"] != JOB]
    assert sent["message"] == ("One" if results[0].is_new else "Two")


PEOPLE = (ADA, GRACE)
ends = st.one_of(
    st.just(("honest", 0.0)),
    st.tuples(st.sampled_from(CERTAIN), st.just(None)),
    st.tuples(st.sampled_from((*UNCERTAIN, "killed")), st.sampled_from([None, 0.0, 45.0, 500.0])),
)
steps = st.one_of(
    st.tuples(st.just("look"), st.sampled_from(PEOPLE)),
    st.tuples(
        st.just("press"),
        st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3),
        st.lists(ends, max_size=2),
        st.integers(0, 14),
        st.booleans(),
    ),
    st.tuples(st.just("work"), st.sampled_from([5, 40, 300, 900]), st.integers(0, 8)),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1, 35, 700])),
)


async def do(office: Office, step: Sequence[Any]) -> None:
    match step:
        case ("look", person):
            with suppress(BotError):
                await office.look(person)
        case ("press", people, ends, call, after):
            office.transport.ends = list(ends)
            with office.redis.faults.at(call, after=after):
                presses = [office.press(person) for person in people]
                results = await asyncio.gather(*presses, return_exceptions=True)
            unexpected = [one for one in results if isinstance(one, Exception)]
            assert all(isinstance(one, BotError) for one in unexpected), unexpected
        case ("work", seconds, call):
            with office.redis.faults.at(call, after=True), suppress(BotError):
                await office.work()
            await office.work_for(seconds, step=20)
        case ("outage", is_on):
            office.transport.search_fails = is_on
        case ("wait", seconds):
            office.clock.forward(seconds)
            await office.transport.take_effect()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=14))
@example([("press", [ADA], [("killed", 45.0)], 0, False), ("look", ADA), ("work", 900, 0)])
@example(
    [
        ("press", [ADA], [("cut", None)], 0, False),
        ("work", 900, 0),
        ("look", ADA),
        ("press", [ADA, ADA], [], 0, False),
    ]
)
async def test_at_most_one_agent_is_started(redis: Any, steps: list[Any]) -> None:
    """Whatever fails and however often people click, no confirmation starts two agents.

    Another one is started only after the last was found or certainly not started, unless Emporix
    could not be asked for an hour, which the user knows.
    """
    await redis.flushall()
    async with open_office(redis) as office:
        known, attempts = set[str](), dict[str, int]()
        steps = [*steps, ("outage", False), ("work", 1_000, 0)]
        for step in steps:
            await do(office, step)
            if run := await office.store.load(run_id(ADA, "acme", JOB)):
                known |= {run.session_id} if run.new_job_id else set()
                attempts.pop(run.session_id, None)
                attempts |= {run.session_id: run.attempt} if run.state != "refused" else {}
        sessions, started = office.transport.sessions, office.agents_started
        assert len(sessions) == len(set(sessions)), "a session was sent twice"
        assert len(started) == len(set(started)), "a session started two agents"
        assert set(started) <= known | office.unchecked, "an agent was started unnoticed"
        assert len(attempts) == len(set(attempts.values())), "a confirmation was used twice"
