"""The time until the process is ready, compared with importing the same third-party modules."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.comparison import ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import Ready, is_healthy
from bench.third_party_imports import importing_process, third_party_imports
from sandbox.redis_server import redis_server
from sandbox.server import free_port

ROUNDS = 8


@measures(start_ratio=at_most(1.7))
async def start(environment: Environment) -> Rounds:
    """The process is ready when /readyz responds with 200."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, redis_server(Path(folder)) as url:
        settings = environment.settings(url, environment.emporix_url)
        modules = await third_party_imports("web", settings, _ready(environment, settings))
        found = await ratios(
            lambda: _until_ready(environment, settings),
            lambda: _until_imported(modules),
            ROUNDS,
            most_is_best=False,
        )
    return {"start_ratio": found}


def _ready(environment: Environment, settings: Mapping[str, str]) -> Ready:
    return lambda: is_healthy(environment.http, f"http://127.0.0.1:{settings['PORT']}/readyz")


async def _until_ready(environment: Environment, settings: dict[str, str]) -> float:
    begun = time.perf_counter()
    async with environment.web_process(settings | {"PORT": str(free_port())}):
        return time.perf_counter() - begun


async def _until_imported(modules: list[str]) -> float:
    begun = time.perf_counter()
    async with importing_process(modules):
        return time.perf_counter() - begun
