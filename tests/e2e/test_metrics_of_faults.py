"""Each problem in the operator guide's table changes the metric that its row names."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import RetryLater, StoreUnavailable
from bot.scheduler.saq_worker import SaqQueue
from bot.slack.background import BackgroundTasks, QueueLimits
from bot.slack.decorators import command
from bot.slack.posting.post_once import OutgoingMessage, _Attempt
from bot.store import keys as redis_keys
from bot.store.connection import connect, connect_for_queue
from bot.store.encryption import CONNECTION_FIELD
from bot.store.health import WriteProbe
from bot.store.idempotency import IdempotencyClaims
from bot.store.rate_limits import MessageRateLimiter
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.redis_server import redis_server
from sandbox.server import free_port, serving
from sandbox.slack.faults import Fault
from tests.harness import sample_requests
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import NOW, FakeClock
from tests.harness.dispatch import DispatchSetup, open_dispatch
from tests.harness.documents import quoted, table
from tests.harness.metrics import Samples, metrics_enabled, parse, selected
from tests.harness.redis_proxy import Proxy, proxied
from tests.harness.runs import CHAT, add_failed, ask, confirm
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.slack.test_busy import Gate, fill
from tests.store.fixtures import ADA
from tests.tasks.test_digest_charts import fill as fill_days

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # by saq

PREFIX = "emporix_bot_"
ROWS = {row[0]: row for row in table("docs/operator-guide.md", "problem | users see")}

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the harness's clock


@dataclass(slots=True)
class Surroundings:
    """What a fault may break: an app whose Redis is behind `proxy`."""

    harness: AppHarness
    proxy: Proxy
    redis_url: str
    port: int
    parts: AsyncExitStack
    before: Samples = field(default_factory=dict)

    @property
    def redis(self) -> Any:
        return self.harness.redis

    async def scrape(self) -> Samples:
        answer = await self.harness.http.get(f"http://127.0.0.1:{self.port}/metrics")
        return parse(answer.text)


@pytest.fixture(autouse=True, scope="module")
def _metrics() -> Iterator[None]:
    with metrics_enabled():
        yield


@asynccontextmanager
async def surroundings(
    redis: Any, redis_url: str, clock: FakeClock, **settings: Any
) -> AsyncIterator[Surroundings]:
    port = free_port()
    settings |= {"metrics_port": port, "host": "127.0.0.1"}
    async with AsyncExitStack() as parts:
        proxy = await parts.enter_async_context(proxied(redis_url))
        harness = await parts.enter_async_context(open_app(redis, proxy.url, clock, **settings))
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 6)
        yield Surroundings(harness, proxy, redis_url, port, parts)


FaultInjection = Callable[[Surroundings], Awaitable[None]]
"""Causes the problem, and does what a user or the worker would do meanwhile."""


async def list_jobs(around: Surroundings) -> None:
    await around.harness.ada.command("/emporix jobs")


def emporix(fault: EmporixFault, text: str = "/emporix jobs") -> FaultInjection:
    async def inject(around: Surroundings) -> None:
        around.harness.emporix_state.faults.add(fault)
        await around.harness.ada.command(text)

    return inject


async def open_job_without_log(around: Surroundings) -> None:
    state = around.harness.emporix_state
    state.faults.add(EmporixFault("status", 99, path="/logs/", status=500))
    around.harness.clock.forward(60)
    state.add_job("acme", status="failure", message="Order EON1 is lost.", requestId="req-1")
    await around.harness.ada.command("/emporix jobs")
    await around.harness.ada.click("Open")


def slack(fault: Fault, *clicks: str) -> FaultInjection:
    async def inject(around: Surroundings) -> None:
        await list_jobs(around)
        around.harness.workspace.faults.add(fault)
        await around.harness.ada.command("/emporix jobs")
        for label in clicks:
            await around.harness.ada.click(label)

    return inject


def digest(*faults: EmporixFault | Fault, chart: bool = False) -> FaultInjection:
    """Faults at the time of a digest."""

    async def inject(around: Surroundings) -> None:
        harness = around.harness
        await set_up(
            harness.person("ada", "ops"), **({} if chart else {"quiet": "quiet", "chart": []})
        )
        harness.clock.now = NINE - 3600
        add_failed_job(harness)
        harness.clock.now = NINE + 1
        for fault in faults:
            is_emporix = isinstance(fault, EmporixFault)
            (harness.emporix_state if is_emporix else harness.workspace).faults.add(fault)  # type: ignore[arg-type]
        await harness.worker.work()

    return inject


def add_failed_job(harness: AppHarness) -> None:
    harness.emporix_state.add_job("acme", status="failure", message="Order EON1 is lost.")


async def lose_redis(around: Surroundings) -> None:
    around.proxy.target = "unix:///nowhere"
    await around.proxy.close()
    await list_jobs(around)


async def silence_redis(around: Surroundings) -> None:
    around.proxy.vanish()
    await list_jobs(around)


async def fail_over(around: Surroundings) -> None:
    await probe("redis+sentinel://127.0.0.1:1/main")


async def probe(url: str) -> None:
    """Check readiness with this address."""
    client = connect(url)
    with suppress(StoreUnavailable):
        await WriteProbe(client).ping()
    await client.aclose()


async def demote_redis(around: Surroundings) -> None:
    around.parts.push_async_callback(around.redis.replicaof, "NO", "ONE")
    await around.redis.replicaof("127.0.0.1", 1)
    await list_jobs(around)


async def fill_redis(around: Surroundings) -> None:
    around.parts.push_async_callback(around.redis.config_set, "maxmemory", 0)
    await around.redis.config_set("maxmemory", 1)
    await list_jobs(around)


async def break_disk(around: Surroundings) -> None:
    """The app's Redis is replaced by one whose folder is gone."""
    folder = Path(around.parts.enter_context(tempfile.TemporaryDirectory())) / "data"
    folder.mkdir()
    url = around.parts.enter_context(redis_server(folder))
    redis = connect(url)
    around.parts.push_async_callback(redis.aclose)
    await redis.config_set("save", "3600 1")
    await redis.set("a", "1")
    shutil.rmtree(folder)
    await redis.bgsave()
    async with asyncio.timeout(20):
        while (await redis.info("persistence"))["rdb_last_bgsave_status"] == "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    around.proxy.target = url
    await around.proxy.close()
    await list_jobs(around)


async def use_wrong_password(around: Surroundings) -> None:
    await probe(around.proxy.url.replace("redis://", "redis://ada:wrong@"))


async def empty_redis(around: Surroundings) -> None:
    await around.redis.delete(redis_keys.account(ADA))
    await list_jobs(around)


async def lose_worker(around: Surroundings) -> None:
    """A worker that has taken a task is killed, and another one looks for such tasks."""
    killed = SaqQueue(connect_for_queue(around.redis_url))
    other = SaqQueue(connect_for_queue(around.redis_url), silent_seconds=0.0)
    await killed.put("cleanups.run", "1")
    assert await killed.dequeue(1)
    for _ in range(2):
        await other.sweep()
        await around.redis.delete(other._sweep)
    await killed.disconnect()
    await other.disconnect()


async def stop_workers(around: Surroundings) -> None:
    await around.harness.worker.work()
    assert selected(await around.scrape(), "emporix_bot_workers") == 1
    around.harness.clock.forward(60)


async def suspend_worker(around: Surroundings) -> None:
    """A worker continues three seconds after its claim."""
    claims, limiter = IdempotencyClaims(around.redis), MessageRateLimiter(around.redis, 400)
    post = OutgoingMessage("a", "T", "C", NOW)
    client: Any = None  # nothing is sent
    attempt = _Attempt(client, claims, limiter, asyncio.sleep, post)
    with pytest.raises(RetryLater):
        await attempt._send({"text": "late"}, asyncio.get_running_loop().time() - 3)


async def post_chart(around: Surroundings) -> None:
    """A digest whose chart has two days, in a workspace without charts."""
    harness = around.harness
    await set_up(harness.person("ada", "ops"))
    fill_days(harness, 16)
    harness.clock.now = NINE - 3600
    await harness.worker.work()
    harness.clock.now = NINE + 1
    harness.workspace.faults.add(Fault("no_charts", 9))
    await harness.worker.work()


async def share_channel(around: Surroundings) -> None:
    harness = around.harness
    await set_up(harness.person("ada", "ops"), quiet="quiet", chart=[])
    await harness.person("ada", "ops").share_channel()
    harness.clock.now = NINE + 1
    await harness.worker.work()


async def uninstall(around: Surroundings) -> None:
    await around.harness.ada.uninstall_app()
    await around.harness.worker.work()


async def open_home_of_old_app(around: Surroundings) -> None:
    around.harness.workspace.faults.add(
        Fault("refuse", 9, method="views.publish", error="not_enabled")
    )
    await around.harness.ada.open_home()


async def turn_off_socket_mode(around: Surroundings) -> None:
    await around.harness.workspace.socket_mode.disable_link()
    await until_moved(around, f'{PREFIX}websocket_failures_total{{reason="link_disabled"}}')


async def cut_websocket(around: Surroundings) -> None:
    for connection in list(around.harness.workspace.socket_mode.connections):
        connection.cut()
    await until_moved(around, f'{PREFIX}websocket_failures_total{{reason="connection lost"}}')


async def until_moved(around: Surroundings, selector: str) -> None:
    async with asyncio.timeout(20):
        while selected(await around.scrape(), selector) == selected(around.before, selector):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def connect_another_program(around: Surroundings) -> None:
    """A second process uses the app-level token, and then this one connects again."""
    socket_mode = around.harness.workspace.socket_mode
    url = await socket_mode.open_url(socket_mode.app_token)
    session = await around.parts.enter_async_context(aiohttp.ClientSession())
    socket = await session.ws_connect(url)
    around.parts.push_async_callback(socket.close)
    socket_mode.connections[0].cut()
    await until_moved(around, f'{PREFIX}websockets{{of="app"}}')


def signed_wrongly(**headers: str) -> FaultInjection:
    async def inject(around: Surroundings) -> None:
        given = {
            "x-slack-request-timestamp": f"{around.harness.clock():.0f}",
            "x-slack-signature": "v0=" + "0" * 64,
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{around.harness.bot_url}/slack/events"
        await around.harness.http.post(url, content=b"x", headers=given)

    return inject


async def set_clock_wrong(around: Surroundings) -> None:
    around.harness.clock.now = time.time() + 60


@dataclass
class Gateway:
    """A gateway before Emporix.

    After Ada is connected, it compresses all lists, or refuses token requests.
    """

    app: ASGIApp
    compresses: bool = False
    refuses_tokens: bool = False
    lists: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.lists += "/jobs" in scope["path"]
        is_on = self.lists > 1

        async def send_encoded(message: Message) -> None:
            if message["type"] == "http.response.start" and is_on and self.compresses:
                message["headers"] = [*message["headers"], (b"content-encoding", b"br")]
            await send(message)

        if self.refuses_tokens and self.lists and "/oauth" in scope["path"]:
            answer = JSONResponse({"error": "unsupported_grant_type"}, 400)
            await answer(scope, receive, send)
        elif self.refuses_tokens and is_on:
            await JSONResponse({}, 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send_encoded)


async def interrupt_delete(around: Surroundings) -> None:
    await around.harness.ada.command(f"/emporix jobs get {job_id(6)}")
    around.harness.emporix_state.faults.add(EmporixFault("cut_before", method="DELETE"))
    await around.harness.ada.click("Delete")


async def run_without_answer(around: Surroundings) -> None:
    harness = around.harness
    add_failed(harness)
    await harness.connect(harness.ada, ACME_OPERATIONS, with_actions=True)
    harness.emporix_state.faults.add(EmporixFault("status_after", path=CHAT, status=500))
    await ask(harness.ada)
    await confirm(harness.ada)


async def clean_up(around: Surroundings) -> None:
    await around.harness.ada.command("/emporix jobs clean failed")


async def clean_up_during_outage(around: Surroundings) -> None:
    harness = around.harness
    await harness.ada.command("/emporix jobs clean failed")
    await harness.ada.click("Delete…")
    await harness.ada.submit({"The number of jobs": "2"})
    harness.emporix_state.faults.add(EmporixFault("status", 9, "/jobs/", "DELETE", status=503))
    await harness.worker.work()


async def corrupt_connection(around: Surroundings) -> None:
    field = CONNECTION_FIELD + "acme"
    await around.redis.hset(redis_keys.account(ADA), field, "another-key:AAAA")
    await list_jobs(around)


async def corrupt_digest(around: Surroundings) -> None:
    await set_up(around.harness.person("ada", "ops"))
    key = redis_keys.digest("digest-1")
    for name, value in (await around.redis.hgetall(key)).items():
        if len(value) > 100:
            await around.redis.hset(key, name, "another-key:AAAA")
    await around.harness.person("ada", "ops").command("/emporix digest list")


async def overload(around: Surroundings) -> None:
    gate = Gate()
    setup = DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    async with open_dispatch(setup) as dispatch:
        await fill(dispatch, gate)
        await dispatch.poster.command(sample_requests.command("wait", dispatch.response_url()))
        gate.open.set()


async def raise_unexpectedly(around: Surroundings) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    setup = DispatchSetup((command("fail", "", "", audit=None)(fail),))
    async with open_dispatch(setup) as dispatch:
        await dispatch.poster.command(sample_requests.command("fail", dispatch.response_url()))
        await dispatch.poster.settled()


FORM_FAULT = partial(Fault, "refuse", 9, method="views.open")

FAULTS: dict[str, FaultInjection] = {
    "Redis is down, or takes more": lose_redis,
    "the Redis host disappears": silence_redis,
    "Redis fails over (Sentinel)": fail_over,
    "Redis fails over behind": demote_redis,
    "Redis is full": fill_redis,
    "Redis cannot write": break_disk,
    "the password of Redis": use_wrong_password,
    "Redis lost its data": empty_redis,
    "Slack answers 429": slack(Fault("rate_limit", method="response_url", retry_after=0)),
    "Slack answers 500": slack(Fault("status", method="response_url")),
    "a response_url has expired": slack(Fault("status", 9, method="response_url", status=404)),
    "a worker dies": lose_worker,
    "no worker runs": stop_workers,
    "Slack limits reads": digest(
        Fault("rate_limit", 9, method="conversations.info", retry_after=60)
    ),
    "Slack has no charts": post_chart,
    "Emporix returns no count": digest(
        EmporixFault("status", 99, path="/jobs", status=500), chart=True
    ),
    "Emporix is down when": digest(EmporixFault("status", 99, path="/jobs", status=503)),
    "a worker is suspended": suspend_worker,
    "people from other": share_channel,
    "the app is uninstalled": uninstall,
    "Slack is not reachable": slack(Fault("cut_before", 99)),
    "the Slack app was not updated": open_home_of_old_app,
    "the bot token is revoked": slack(FORM_FAULT(error="invalid_auth"), "Open"),
    "the bot token lacks": slack(FORM_FAULT(error="missing_scope"), "Open"),
    "Socket Mode is turned off": turn_off_socket_mode,
    "Slack or the network closes": cut_websocket,
    "in Socket Mode, some": connect_another_program,
    "the signing secret": signed_wrongly(),
    "the clock of a worker": set_clock_wrong,
    "the clock of a web": signed_wrongly(x_slack_request_timestamp="1000000000"),
    "Emporix is slow": emporix(EmporixFault("delay", 9, path="/jobs", seconds=9)),
    "Emporix answers 429": emporix(EmporixFault("rate_limit", 9, path="/jobs", retry_after=60)),
    "Emporix answers 401": emporix(EmporixFault("status", 9, path="/jobs", status=401)),
    "Emporix answers another 4xx": emporix(EmporixFault("status", 9, path="/jobs", status=409)),
    "Emporix answers 403": emporix(EmporixFault("status", 9, path="/jobs", status=403)),
    "Emporix's logs can't": open_job_without_log,
    "the token endpoint": list_jobs,
    "Emporix answers 408": emporix(EmporixFault("status", 1, path="/jobs", status=503)),
    "a proxy or firewall": emporix(EmporixFault("html", 9, path="/jobs", status=403)),
    "a response of Emporix is compressed": list_jobs,
    "a delete is interrupted": interrupt_delete,
    "Emporix fails for a long": clean_up_during_outage,
    "the worker is killed during": lose_worker,
    "Emporix doesn't confirm a run": run_without_answer,
    "deletes must be turned": clean_up,
    "one of several encryption": corrupt_connection,
    "the key of a digest": corrupt_digest,
    "too much work": overload,
    "an error in the app": raise_unexpectedly,
}

IN_SOCKET_MODE = ("Socket Mode is turned off", "Slack or the network", "in Socket Mode, some")
GATEWAYS = {
    "a response of Emporix is compressed": partial(Gateway, compresses=True),
    "the token endpoint": partial(Gateway, refuses_tokens=True),
}

NOT_SEEN = {
    "Slack's events do not": "nothing arrives at the app",
    "no key of": "the process ends at once",
    "a backup with a running": "the operator restores it while no process runs",
    "another person's clean-up": "nothing is wrong with the app",
    "people must not act": "nothing is wrong with the app",
    "the process is killed": "its metrics end, and Prometheus's own `up` is 0",
}
"""Rows without a metric, and the reason."""

GAUGES: dict[str, Callable[[float], bool]] = {
    "workers": lambda value: value == 0,
    "scheduled_work_stopped": lambda value: value == 1,
    "clock_offset_seconds": lambda value: value > 5,
    'websockets{of="app"}': lambda value: value == 2,
}
"""Gauges, and what the value means the problem; a counter must have grown."""


def full_row(beginning: str) -> list[str]:
    (found,) = [row for problem, row in ROWS.items() if problem.startswith(beginning)]
    return found


def test_each_row_is_tried() -> None:
    """Each row of the table has a fault in this file, or a reason why it has no metric."""
    assert len({full_row(begin)[0] for begin in (*FAULTS, *NOT_SEEN)}) == len(ROWS)
    assert all(full_row(begin)[3] == "–" for begin in NOT_SEEN)


@pytest.mark.parametrize("problem", FAULTS)
async def test_a_problem_changes_its_metric(
    problem: str, redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """The metric in the row of a problem shows it, as scraped from a process."""
    (selector,) = quoted(full_row(problem)[3])
    settings: dict[str, Any] = {}
    if problem.startswith(IN_SOCKET_MODE):
        settings["transport"] = "socket"
    if problem.startswith("deletes"):
        settings["deletes"] = "off"
    settings["is_patient"] = FAULTS[problem] is not silence_redis
    async with AsyncExitStack() as parts:
        if problem in GATEWAYS:
            gateway = GATEWAYS[problem](create_emporix(EmporixState(clock)))
            settings["emporix_api_url"] = await parts.enter_async_context(serving(gateway))
        around = await parts.enter_async_context(surroundings(redis, redis_url, clock, **settings))
        around.before = await around.scrape()
        await FAULTS[problem](around)
        after = selected(await around.scrape(), PREFIX + selector)
    if selector in GAUGES:
        assert GAUGES[selector](after)
    else:
        assert after > selected(around.before, PREFIX + selector)
