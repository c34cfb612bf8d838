"""emporix-bot doctor: what is wrong is said, with what to do, and without a secret."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.cli import main
from bot.doctor import SCOPES
from bot.keys import new_key
from bot.settings import Settings
from bot.store.alive import Alive
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.world import World
from sandbox.serving import free_socket, serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.workspace import Workspace
from tests.clock import FakeClock

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-doctor-bot",
    "SLACK_SIGNING_SECRET": "doctor-signing-secret",
    "ENCRYPTION_KEYS": new_key(),
}


@dataclass(slots=True)
class Patient:
    """Everything the app needs, well; `told` is what doctor prints, `status` how it ends."""

    world: World
    workspace: Workspace
    settings: dict[str, str]
    told: str = ""
    status: int = -1


@pytest.fixture
async def patient(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[Patient]:
    world = World(clock)
    workspace = Workspace(clock, bot_token=SECRETS["SLACK_BOT_TOKEN"])
    async with AsyncExitStack() as parts:
        emporix = await parts.enter_async_context(serving(create_emporix(world)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        addresses = {
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": redis_url,
        }
        yield Patient(world, workspace, SECRETS | addresses)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No settings but those of the test, and no .env file."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


async def examine(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run the command, in a thread: it has a loop of its own."""
    for name, value in patient.settings.items():
        monkeypatch.setenv(name, value)
    patient.status = await asyncio.to_thread(main, ["doctor"])
    written = capsys.readouterr()
    patient.told = written.out
    assert [secret for secret in SECRETS.values() if secret in written.out + written.err] == []


def free_port() -> int:
    with free_socket() as found:
        return int(found.getsockname()[1])


def redis_gone(patient: Patient) -> None:
    patient.settings["REDIS_URL"] = f"redis://user:password@127.0.0.1:{free_port()}/0"


def wrong_token(patient: Patient) -> None:
    patient.workspace.bot_token = "xoxb-another"


def scope_missing(patient: Patient) -> None:
    patient.workspace.bot_scopes = SCOPES - {"chat:write"}


def slack_gone(patient: Patient) -> None:
    patient.settings["SLACK_API_URL"] = f"http://127.0.0.1:{free_port()}/api/"


def slack_is_a_page(patient: Patient) -> None:
    patient.workspace.faults.add(SlackFault("html", times=9))


def emporix_gone(patient: Patient) -> None:
    patient.settings["EMPORIX_API_URL"] = f"http://127.0.0.1:{free_port()}"


def emporix_is_a_page(patient: Patient) -> None:
    patient.world.faults.add(EmporixFault("html", times=9))


def emporix_is_somebody_else(patient: Patient) -> None:
    patient.settings["EMPORIX_API_URL"] += "/somewhere/else"


def emporix_has_trouble(patient: Patient) -> None:
    patient.world.faults.add(EmporixFault("status", times=9, status=503))


Break = Callable[[Patient], None]

BROKEN: dict[Break, tuple[str, str]] = {
    redis_gone: ("redis", "check REDIS_URL"),
    wrong_token: ("slack", "invalid_auth: copy SLACK_BOT_TOKEN again"),
    scope_missing: ("slack", "scopes missing: chat:write; update the app from manifest.yml"),
    slack_gone: ("slack", "check SLACK_API_URL"),
    slack_is_a_page: ("slack", "check SLACK_API_URL"),
    emporix_gone: ("emporix", "check EMPORIX_API_URL"),
    emporix_is_a_page: ("emporix", "check EMPORIX_API_URL"),
    emporix_is_somebody_else: ("emporix", "check EMPORIX_API_URL"),
    emporix_has_trouble: ("emporix", "check EMPORIX_API_URL"),
}


@pytest.mark.usefixtures("environment")
async def test_finds_nothing_where_all_is_well(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each thing that was looked at, and status 0."""
    await examine(patient, monkeypatch, capsys)
    lines = patient.told.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("settings", "redis", "slack", "emporix", "worker")
    ]
    assert "Acme Shop" in lines[2]
    assert patient.status == 0


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
async def test_says_what_is_broken(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: Break,
) -> None:
    """The one thing that is broken is named, with what to do; the others are well."""
    about, advice = BROKEN[broken]
    broken(patient)
    await examine(patient, monkeypatch, capsys)
    (line,) = [line for line in patient.told.splitlines() if not line.startswith("ok ")]
    assert line.split()[:2] == ["NOT", about]
    assert advice in line
    assert patient.status == 1


@asynccontextmanager
async def redis_of(version: str) -> AsyncIterator[str]:
    """A server that says it is of this version, and gives no more than empty answers."""
    answers = {
        b"HELLO": b"%1\r\n+server\r\n+redis\r\n",
        b"INFO": b"$%d\r\nredis_version:%b\r\n" % (14 + len(version), version.encode()),
        b"ZCOUNT": b":0\r\n",
        b"ZREVRANGE": b"*0\r\n",
    }

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            writer.write(answers.get(words[0].upper(), b"+OK\r\n"))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("version", "well"), [("3.2.0", False), ("6.0.9", False), ("6.2.0", True), ("10.0.1", True)]
)
async def test_asks_for_redis_6_2(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
    well: bool,
) -> None:
    """Scripts use what older servers do not know."""
    async with redis_of(version) as url:
        patient.settings["REDIS_URL"] = url
        await examine(patient, monkeypatch, capsys)
    (line,) = [line for line in patient.told.splitlines() if line.split()[1] == "redis"]
    assert line.startswith("ok" if well else "NOT")
    assert version in line
    assert ("too old" in line) is not well


@pytest.mark.usefixtures("environment")
async def test_counts_the_workers(
    redis: Any,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Those that said lately that they are at work."""
    alive = Alive(redis)
    await alive.say("one", time.time())
    await alive.say("another", time.time() - 10)
    await alive.say("gone", time.time() - 3600)
    await examine(patient, monkeypatch, capsys)
    assert patient.told.splitlines()[-1].split(maxsplit=2) == ["ok", "worker", "2 at work"]


@pytest.mark.usefixtures("environment")
async def test_says_that_the_workers_are_gone(
    redis: Any,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """None for an hour is wrong where there was one before."""
    await Alive(redis).say("gone", time.time() - 3600)
    await examine(patient, monkeypatch, capsys)
    line = patient.told.splitlines()[-1]
    assert line.startswith("NOT  worker    none for 60 min: start `emporix-bot worker`")
    assert patient.status == 1
