"""Calls to Emporix, Redis and Slack for a page of a list, for one job, and for opening it.

They are counted with the strict stand-ins.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.redis_round_trips import RoundTripCounter, counting_proxy
from bot.rendering import buttons
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.redis_server import redis_server
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.person import Exchange, Person
from sandbox.slack.workspace import Workspace

Act = Callable[[], Awaitable[Exchange]]

CALLS = {"turn": (1, 2, 0), "get": (1, 2, 0), "open": (1, 2, 2), "open_ended": (2, 2, 3)}
"""The most calls of Emporix, Redis and Slack. A modal is opened at once, and filled later; the log
of a job that has ended is read and added after that."""

GOALS = {
    f"{act}_{what}": at_most(most)
    for act, calls in CALLS.items()
    for what, most in zip(
        ("emporix_calls", "redis_round_trips", "slack_api_calls"), calls, strict=True
    )
}


@dataclass(slots=True)
class CountedApp:
    """An ASGI app that records the paths of its requests."""

    app: ASGIApp
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope.get("path", ""))
        await self.app(scope, receive, send)

    def count(self, begins: str) -> int:
        return sum(path.startswith(begins) for path in self.paths)


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts the calls that actions of `ada` cause."""

    ada: Person
    emporix: CountedApp
    slack: CountedApp
    trips: RoundTripCounter

    def read(self) -> Sequence[int]:
        return self.emporix.count("/"), self.trips.count, self.slack.count("/api/")


@measures(**GOALS)
async def calls_per_command(environment: Environment) -> Rounds:
    """Count the second command of its kind, when connections are open and agent names cached."""
    async with _counters(environment) as counters:
        await counters.ada.command("/emporix jobs")
        turned = await _cost(counters, lambda: counters.ada.click("Next"))
        job_id = EmporixState.with_sample_data(time.time).jobs("acme")[0]["id"]
        got = await _cost(counters, lambda: counters.ada.command(f"/emporix jobs get {job_id}"))
        await counters.ada.command("/emporix jobs")
        opened = await _cost(counters, lambda: counters.ada.click("Open"))
        ended = await _cost(counters, lambda: counters.ada.click("Open", nth=2))
    costs = (*turned, *got, *opened, *ended)
    return dict(zip(GOALS, [[cost] for cost in costs], strict=True))


async def _cost(counters: Counters, act: Act) -> Sequence[int]:
    await _done(act)
    before = counters.read()
    await _done(act)
    return [after - was for was, after in zip(before, counters.read(), strict=True)]


async def _done(act: Act) -> None:
    exchange = await act()
    last = exchange.payloads[-1] if exchange.payloads else {}
    if not last.get("text", "").startswith("Job") and not _shows_job(last.get("view", last)):
        raise RuntimeError(f"no jobs: {exchange.payloads}")


def _shows_job(shown: Mapping[str, Any]) -> bool:
    """Whether a modal or a message shows a job."""
    if shown.get("callback_id") == buttons.JOBS_GET_CLOSED:
        return True
    return [block.get("block_id") for block in shown.get("blocks", ())][:1] == ["job"]


@asynccontextmanager
async def _counters(environment: Environment) -> AsyncIterator[Counters]:
    workspace = Workspace(time.time)
    emporix = CountedApp(create_emporix(EmporixState.with_sample_data(time.time)))
    slack = CountedApp(create_slack(workspace))
    async with AsyncExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        redis_url = parts.enter_context(redis_server(Path(folder)))
        counted_url, trips = await parts.enter_async_context(counting_proxy(redis_url))
        emporix_url = await parts.enter_async_context(serving(emporix))
        slack_url = await parts.enter_async_context(serving(slack))
        settings = environment.settings(counted_url, emporix_url) | {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{slack_url}/api/",
        }
        _, workspace.bot_url = await parts.enter_async_context(environment.web_process(settings))
        http = await parts.enter_async_context(httpx.AsyncClient())
        ada = Person(http, slack_url)
        await ada.command("/emporix connect acme")
        key = ACME_OPERATIONS
        await ada.submit({"Client ID": key.client_id, "Client secret": key.client_secret})
        yield Counters(ada, emporix, slack, trips)
