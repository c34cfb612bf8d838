"""Reports to Sentry have types and tracebacks of errors, without secrets and data of users."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.server import serving
from tests.harness.source_code import PROJECT

SECRETS = {
    "token": "xoxb-11-22-PLANTED",
    "api key": "planted-client-secret",
    "text": "the refund of Ms Planted",
    "tenant": "planted-tenant",
    "local": "planted-local-value",
    "header": "Bearer planted-access-token",
}

# What an app that fails does: it logs warnings and errors with values, and raises with texts.
FAILING = """
import json, logging, os
from bot.errors import NotFound
from bot.logs import configure, new_reference, report_errors

configure("DEBUG", "text")
report_errors(os.environ["SENTRY_DSN"])
secrets = json.loads(os.environ["SECRETS"])
import sentry_sdk
sentry_sdk.set_user({"id": secrets["tenant"]})
sentry_sdk.set_extra("request", secrets["text"])
sentry_sdk.set_context("body", secrets)
sentry_sdk.set_tag("user", secrets["text"])
sentry_sdk.add_breadcrumb(category="http", message=secrets["header"], data=secrets)
new_reference()
logging.getLogger("bot.tasks.digests").warning("digest %s is paused: %s", secrets["text"], "x")
logging.getLogger("httpx").warning("GET https://api/%s", secrets["tenant"])
local_value = secrets["local"]
try:
    try:
        raise ValueError(secrets["text"] + secrets["token"])
    except ValueError as error:
        raise KeyError(secrets["api key"]) from error
except KeyError as error:
    logging.getLogger("bot.app").error("unexpected: %s", secrets["header"], exc_info=error)
logging.getLogger("some.library").error("the body was %s" % secrets["text"])
raise RuntimeError(secrets["token"])
"""


class Ingest:
    """A stand-in for the endpoint of Sentry that takes envelopes."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.raw = b""
        self.events: list[Any] = []

    async def take(self, request: Request) -> JSONResponse:
        body = await request.body()
        encoding = request.headers.get("content-encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        self.paths.append(request.url.path)
        self.raw += body + b"\n" + str(request.headers).encode()
        self.events += _events(body)
        return JSONResponse({"id": "1"})


def _events(envelope: bytes) -> list[Any]:
    """The events of an envelope: lines of JSON, each after a line that describes it."""
    lines = [line for line in envelope.split(b"\n") if line]
    pairs = zip(lines[1::2], lines[2::2], strict=False)
    return [json.loads(item) for head, item in pairs if json.loads(head)["type"] == "event"]


@pytest.fixture
async def ingest() -> AsyncIterator[tuple[Ingest, str]]:
    found = Ingest()
    app = Starlette(routes=[Route("/api/7/envelope/", found.take, methods=["POST"])])
    async with serving(app) as url:
        yield found, url.replace("http://", "http://0a1b2c@") + "/7"


async def run(source: str, dsn: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        source,
        cwd=PROJECT,
        env={**os.environ, "SENTRY_DSN": dsn, "SECRETS": json.dumps(SECRETS), "NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    written, _ = await asyncio.wait_for(process.communicate(), 40)
    return int(process.returncode or 0), written.decode()


async def test_reports_have_no_secrets(ingest: tuple[Ingest, str]) -> None:
    """Tokens, keys, texts, tenants, local variables and headers are in no byte of a report."""
    found, dsn = ingest
    assert await run(FAILING, dsn) == (1, "")
    assert set(found.paths) == {"/api/7/envelope/"}
    assert [name for name, secret in SECRETS.items() if secret.encode() in found.raw] == []
    assert b"lanted" not in found.raw.replace(b"PLANTED", b"planted")
    assert os.uname().nodename.encode() not in found.raw


async def test_reports_have_what_helps(ingest: tuple[Ingest, str]) -> None:
    """A report has types of errors, lines of the traceback, the log line and its reference."""
    found, dsn = ingest
    await run(FAILING, dsn)
    logged, library, fatal = found.events
    assert [one["type"] for one in logged["exception"]["values"]] == ["ValueError", "KeyError"]
    frame = logged["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    assert frame["lineno"] > 10
    assert "vars" not in frame
    assert logged["logentry"] == {"message": "unexpected: %s"}
    assert len(logged["tags"]["reference"]) == 8
    assert [one["message"] for one in logged["breadcrumbs"]["values"]] == [
        "digest %s is paused: %s"
    ]
    assert "logentry" not in library
    assert library["logger"] == "some.library"
    assert fatal["exception"]["values"][0]["type"] == "RuntimeError"
    known = {"event_id", "timestamp", "level", "logger", "platform", "release", "tags"}
    assert logged.keys() <= known | {"exception", "logentry", "breadcrumbs"}


WRONG_KEYS = """
import logging, os
from bot.logs import report_errors
from bot.web import _exit

report_errors(os.environ["SENTRY_DSN"])
logging.getLogger("bot.store.encryption").error("stopping: %s", "wrong keys")
_exit()
"""

UNFINISHED = """
import asyncio, os, signal
from contextlib import asynccontextmanager
from types import SimpleNamespace
from bot.logs import report_errors
from bot.server import Server, ServerLimits, listen
from bot.web import build_web

async def drain(seconds):
    return 1

@asynccontextmanager
async def assemble():
    asyncio.get_running_loop().call_later(0.5, os.kill, os.getpid(), signal.SIGTERM)
    background = SimpleNamespace(drain=drain)
    yield SimpleNamespace(background=background, socket_mode=None, stop=lambda: None)

report_errors(os.environ["SENTRY_DSN"])
server = Server(build_web(assemble, None), ServerLimits(grace=0.0))
server.run(sockets=[listen("127.0.0.1", 0)])
"""


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        (WRONG_KEYS, 2, "stopping: %s"),
        (UNFINISHED, -signal.SIGTERM, "stopped with %d tasks unfinished"),
    ],
    ids=["wrong keys", "unfinished work"],
)
async def test_the_last_error_of_a_process_is_reported(
    ingest: tuple[Ingest, str], source: str, status: int, message: str
) -> None:
    """An error is reported also if the web process ends right after it, with any status."""
    found, dsn = ingest
    assert (await run(source, dsn))[0] == status
    assert [one["logentry"]["message"] for one in found.events] == [message]


WITHOUT_LIBRARY = """
import sys
sys.modules["sentry_sdk"] = None
from bot.cli import main
sys.exit(main(["web"]))
"""


def test_a_missing_extra_is_an_error_at_start() -> None:
    """With SENTRY_DSN but without the extra, a process ends and says what to install."""
    environment = {
        **os.environ,
        "SENTRY_DSN": "https://0a1b@sentry.example.com/1",
        "SLACK_BOT_TOKEN": "xoxb-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARY],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "SENTRY_DSN needs the extra `sentry`: pip install '.[sentry]'" in (
        " ".join(done.stderr.split())
    )
    assert "0a1b" not in done.stderr
