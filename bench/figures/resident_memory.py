"""The memory of a ready process, compared with one that imports the same third-party modules."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import is_healthy, resident_bytes, start_process
from bench.third_party_imports import importing_process, third_party_imports
from bot.store.connection import connect
from bot.store.health import Heartbeats
from sandbox.processes import procfile_command
from sandbox.redis_server import redis_server


@measures(web_rss_ratio=at_most(1.25), worker_rss_ratio=at_most(1.25))
async def resident_memory(environment: Environment) -> Rounds:
    """Resident memory, once each: it does not depend on the load of the machine."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, redis_server(Path(folder)) as url:
        settings = environment.settings(url, environment.emporix_url)
        health = f"http://127.0.0.1:{settings['PORT']}/readyz"
        heartbeats = Heartbeats(redis := connect(url))

        async def web_ready() -> bool:
            return await is_healthy(environment.http, health)

        async def worker_ready() -> bool:
            return (await heartbeats.status(time.time())).alive > 0

        ratios = []
        for name, ready in (("web", web_ready), ("worker", worker_ready)):
            async with start_process(procfile_command(name), settings, ready) as pid:
                ours = resident_bytes(pid)
            await redis.flushdb()  # otherwise, the first worker's heartbeat would count
            modules = await third_party_imports(name, settings, ready)
            async with importing_process(modules) as pid:
                ratios.append(ours / resident_bytes(pid))
        await redis.aclose()
    return dict(
        zip(("web_rss_ratio", "worker_rss_ratio"), [[ratio] for ratio in ratios], strict=True)
    )
