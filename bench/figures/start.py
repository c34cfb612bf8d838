"""The time until the process is ready, compared with importing the libraries alone."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.comparison import ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import free_port
from sandbox.redis_server import redis_server

ROUNDS = 8
IMPORTS = "import slack_bolt.async_app, httpx, redis.asyncio"


@measures(start_ratio=at_most(2))
async def start(environment: Environment) -> Rounds:
    """The process is ready when /readyz responds with 200."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, redis_server(Path(folder)) as url:
        settings = environment.settings(url, environment.emporix_url)
        found = await ratios(
            lambda: _until_ready(environment, settings), _imports, ROUNDS, most_is_best=False
        )
    return {"start_ratio": found}


async def _until_ready(environment: Environment, settings: dict[str, str]) -> float:
    begun = time.perf_counter()
    async with environment.web_process(settings | {"PORT": str(free_port())}):
        return time.perf_counter() - begun


async def _imports() -> float:
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", IMPORTS)
    if await process.wait():
        raise RuntimeError("the libraries cannot be imported")
    return time.perf_counter() - begun
