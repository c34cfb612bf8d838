"""Failures to inject: kills workers and Redis, and makes the stand-ins fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.processes import PROJECT
from sandbox.redis_server import run_redis
from sandbox.slack.faults import Fault, Faults

POST = "chat.postMessage"
TROUBLES = (
    Fault("rate_limit", method=POST, retry_after=1),
    Fault("status", method=POST),
    Fault("status_after", method=POST),
    Fault("cut_after", method=POST),
    Fault("cut_before", method=POST),
    Fault("status", method="conversations.history"),
)


class RestartableRedis:
    """A server that can be killed and restarted with the same data and address."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self._folder, self._socket = folder, socket
        self._process = run_redis(folder, socket)

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        self._process = run_redis(self._folder, self._socket)


@dataclass(slots=True)
class Worker:
    """A worker process that is restarted whenever it was killed.

    `ahead` is the number of seconds by which its host's clock is ahead, and `code` the folder of
    the version that it runs.
    """

    settings: Mapping[str, str]
    log: Path
    ahead: float = 0
    code: Path = PROJECT
    deaths: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._module()],
                cwd=self.code,
                env={**os.environ, **self.settings, "PYTHONPATH": str(self.code)},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        process = self._alive()
        process.kill()
        process.wait()
        self.deaths += 1

    def suspend(self) -> None:
        """Suspend the process, like a paused virtual machine."""
        self._alive().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._alive().send_signal(signal.SIGCONT)

    def _module(self) -> list[str]:
        return ["tests.faults.skewed_worker", str(self.ahead)] if self.ahead else ["bot", "worker"]

    def _alive(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")[-3000:]
        return self._process

    def end(self) -> int:
        """Stop the process with SIGTERM, as platforms do, and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=30)

    def ended(self) -> int:
        """Return the exit status of a worker that ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout=30)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def working(*workers: Worker) -> Iterator[None]:
    try:
        for worker in workers:
            worker.start()
        yield
    finally:
        for worker in workers:
            worker.stop()


@dataclass(slots=True)
class FailureInjector:
    """Injects failures at random times, which `dice` decides."""

    victim: Worker
    redis: RestartableRedis
    faults: Faults
    dice: random.Random
    deaths: int
    redis_was_away: float = 0
    ordered: list[str] = field(default_factory=list)

    async def run(self) -> float:
        """Kill the worker this many times and Redis once while Slack fails. Return the end time."""
        stumbling = asyncio.create_task(self._stumble())
        for number in range(self.deaths):
            await asyncio.sleep(self.dice.uniform(0.3, 3.5))
            self.victim.kill()
            if number == self.deaths // 2:
                await self._kill_redis()
            self.victim.start()
        stumbling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stumbling
        self.faults.clear()
        return time.time()

    async def suspend(self, workers: Sequence[Worker], times: int, seconds: float) -> float:
        """Suspend the workers in turn while Slack fails. Return the end time."""
        stumbling = asyncio.create_task(self._stumble())
        for number in range(times):
            await asyncio.sleep(self.dice.uniform(0.1, 1.0))
            worker = workers[number % len(workers)]
            worker.suspend()
            await asyncio.sleep(seconds)
            worker.resume()
        stumbling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stumbling
        self.faults.clear()
        return time.time()

    async def _kill_redis(self) -> None:
        begun = time.monotonic()
        self.redis.kill()
        await asyncio.sleep(1.0)
        await asyncio.to_thread(self.redis.start)
        self.redis_was_away = time.monotonic() - begun

    async def _stumble(self) -> None:
        while True:
            await asyncio.sleep(self.dice.uniform(0.2, 1.0))
            fault = self.dice.choice(TROUBLES)
            self.faults.add(fault)
            self.ordered.append(fault.kind)
