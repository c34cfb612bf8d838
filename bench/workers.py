"""Two workers, started as in the Procfile, with stand-ins that count requests."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environment import Environment
from bench.processes import cpu_seconds, resident_bytes, serve_app, start_process
from bench.stored_users import connect_users
from bot.store.connection import connect
from bot.store.health import Heartbeats
from sandbox.processes import procfile_command
from sandbox.redis_server import redis_server

WORKERS = 2
TENANTS = "bench.stand_ins.tenants:app"
CHANNELS = "bench.stand_ins.channels:app"


@dataclass(frozen=True, slots=True)
class Workers:
    """Running workers; requests to the stand-ins are counted."""

    environment: Environment
    redis_url: str
    encryption_key: str
    slack_url: str
    emporix_url: str
    pids: tuple[int, ...]

    async def posted(self) -> dict[str, Any]:
        """Return the fields of `bench.stand_ins.channels.Posted`."""
        return dict(await self._read(f"{self.slack_url}/posted"))

    async def calls(self) -> int:
        """Return the number of calls for the tenant with the most."""
        return int(await self._read(f"{self.emporix_url}/calls"))

    def resident(self) -> int:
        """Return the workers' total resident memory in kB."""
        return sum(map(resident_bytes, self.pids))

    def cpu_seconds(self) -> float:
        """Return the workers' total processor time in seconds."""
        return sum(map(cpu_seconds, self.pids))

    async def _read(self, url: str) -> Any:
        async with self.environment.http.get(url) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)


@asynccontextmanager
async def workers(
    environment: Environment, users: int, tenant_of: Callable[[int], str], a_minute: int
) -> AsyncIterator[Workers]:
    """Start workers with their own Redis and connected users.

    `a_minute` limits the messages of the workspace.
    """
    async with AsyncExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        redis_url = parts.enter_context(redis_server(Path(folder)))
        emporix_url = await parts.enter_async_context(serve_app(TENANTS))
        cap = {"BENCH_A_MINUTE": str(a_minute)}
        slack_url = await parts.enter_async_context(serve_app(CHANNELS, cap))
        settings = environment.settings(redis_url, emporix_url) | {
            "SLACK_API_URL": f"{slack_url}/api/",
            "SLACK_MESSAGES_PER_MINUTE": str(a_minute),
        }
        key = settings["ENCRYPTION_KEYS"]
        await connect_users(redis_url, key, users, tenant_of)
        redis = connect(redis_url)
        parts.push_async_callback(redis.aclose)
        alive, pids = Heartbeats(redis), []
        for number in range(1, WORKERS + 1):
            ready = _running(alive, number)
            worker = start_process(procfile_command("worker"), settings, ready)
            pids.append(await parts.enter_async_context(worker))
        yield Workers(environment, redis_url, key, slack_url, emporix_url, tuple(pids))


def _running(alive: Heartbeats, count: int) -> Callable[[], Any]:
    async def ready() -> bool:
        return (await alive.status(time.time())).alive >= count

    return ready
