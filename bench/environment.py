"""The environment of the measurements: stand-ins, Redis and the bot, each in its own process."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.processes import is_healthy, serve_app, serve_process, start_process
from bench.slack_load import SIGNING_SECRET, Answers, Load, listening
from bench.stored_users import connect_users, store_tokens
from bot.store.encryption import new_key
from sandbox.processes import procfile_command
from sandbox.redis_server import redis_server
from sandbox.server import free_port

EMPORIX = "bench.stand_ins.emporix:app"
SLACK = "bench.stand_ins.slack:app"
PLAIN_APP = "bench.stand_ins.plain_app:app"
STOCK = "bench.stand_ins.stock_bolt"
BOT_TOKEN = "xoxb-bench"
USERS = 20


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot's process; `load` sends requests to it."""

    pid: int
    load: Load


@dataclass(frozen=True, slots=True)
class Environment:
    """The stand-ins that all measurements share. A measurement starts everything else it needs."""

    http: aiohttp.ClientSession
    slack_url: str
    emporix_url: str
    answers: Answers

    @asynccontextmanager
    async def bot(self, *, users: int = USERS, emporix_url: str = "") -> AsyncIterator[Bot]:
        """Start the bot as the Procfile does, with its own Redis and connected users."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            redis_server(Path(folder)) as redis_url,
        ):
            settings = self.settings(redis_url, emporix_url or self.emporix_url)
            await connect_users(redis_url, settings["ENCRYPTION_KEYS"], users)
            async with self.web_process(settings) as (pid, url):
                yield Bot(pid, Load(self.http, url, self.answers))

    @asynccontextmanager
    async def web_process(self, settings: dict[str, str]) -> AsyncIterator[tuple[int, str]]:
        """Start only the web process, wait until it is ready, and return its pid and base URL."""
        url = f"http://127.0.0.1:{settings['PORT']}"
        ready = f"{url}/readyz"
        async with start_process(
            procfile_command("web"), settings, lambda: is_healthy(self.http, ready)
        ) as pid:
            yield pid, url

    @asynccontextmanager
    async def stock(self, name: str) -> AsyncIterator[Load]:
        """Start one of the Bolt apps in `bench.stand_ins.stock_bolt`."""
        async with serve_app(f"{STOCK}:{name}", self._slack_settings()) as url:
            yield Load(self.http, url, self.answers)

    @asynccontextmanager
    async def plain_app(self, *, users: int = USERS) -> AsyncIterator[Bot]:
        """The plain Bolt app of `bench.stand_ins.plain_app`, with a Redis of its own."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            redis_server(Path(folder)) as redis_url,
        ):
            await store_tokens(redis_url, users)
            settings = self._slack_settings() | {
                "EMPORIX_API_URL": self.emporix_url,
                "REDIS_URL": redis_url,
            }
            async with serve_process(PLAIN_APP, settings) as (pid, url):
                yield Bot(pid, Load(self.http, url, self.answers))

    def settings(self, redis_url: str, emporix_url: str) -> dict[str, str]:
        """Return the settings of the bot's process, with a free port."""
        return {
            **self._slack_settings(),
            "EMPORIX_API_URL": emporix_url,
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": new_key(),
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
            "LOG_LEVEL": "INFO",
        }

    def _slack_settings(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{self.slack_url}/api/",
        }


@asynccontextmanager
async def open_environment() -> AsyncIterator[Environment]:
    """Start stand-ins of Slack and Emporix that respond immediately."""
    # uvicorn closes connections that were idle for 5 s, possibly while a client reuses one.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        serve_app(SLACK) as slack_url,
        serve_app(EMPORIX) as emporix_url,
        listening(http, slack_url) as answers,
    ):
        yield Environment(http, slack_url, emporix_url, answers)
