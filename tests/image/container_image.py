"""The container image: what is in it, and its processes against the stand-ins."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.store.encryption import parse_keys
from sandbox.emporix.faults import Fault
from sandbox.processes import START_SECONDS, ending_with_parent
from sandbox.redis_server import server_binary
from sandbox.server import free_port
from sandbox.slack.person import Person
from tests.harness.web_process import (
    Surroundings,
    ask,
    connect,
    open_surroundings,
    until_ready,
)
from tests.image.engines import USER, Container, Engine, open_engine

IMAGE, DEMO = "localhost/emporix-jobs-slack-test", "localhost/emporix-jobs-slack-test-demo"
HEALTH_CHECK = ("python", "/app/healthcheck.py")
MAX_MEGABYTES = 180
SLOW_SECONDS, LONGEST = 4, 60.0

NOT_IN_THE_IMAGE = re.compile(
    r"^/app/(?!bot/|templates/|LICENSE$|manifest\.yml$|healthcheck\.py$|bot$|templates$|__pycache__)"
    r"|/(pip3?(-.*|\.conf)?|ensurepip|easy_install)$"
    r"|/bin/(gcc|cc|c\+\+|g\+\+|clang|make|ld|uv)(-\d+)?$"
    r"|/(\.env|\.git|pip\.conf)$"
)
PROBLEM = re.compile(r"read-only file system|traceback", re.IGNORECASE)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("engine")) as opened:
        yield opened


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    began = time.monotonic()
    engine.build(IMAGE, "app")
    print(f"\nbuilt in {time.monotonic() - began:.0f} s")
    return IMAGE


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis that is reached over TCP: a container doesn't see this machine's sockets."""
    port = str(free_port())
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    command = ending_with_parent([server_binary(), *options])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:
        yield f"redis://127.0.0.1:{port}/0"
        redis.terminate()


@pytest.fixture
async def surroundings(redis_url: str) -> AsyncIterator[Surroundings]:
    """The stand-ins, and the settings of a web process."""
    async with open_surroundings(redis_url, "http") as opened:
        opened.settings["METRICS_PORT"] = str(free_port())
        opened.workspace.bot_url = f"http://127.0.0.1:{opened.settings['PORT']}"
        yield opened


@dataclass(frozen=True, slots=True)
class File:
    path: str
    size: int
    owner: str
    mode: str


def files(engine: Engine, image: str) -> list[File]:
    """All files and folders of an image."""
    printed = engine.output(image, "find", "/", "-xdev", "-printf", r"%y%s %U %m %p\n")
    found = []
    for line in printed.splitlines():
        size, owner, mode, path = line.split(" ", 3)
        if size[0] in "fd":
            found.append(File(path, int(size[1:]) if size[0] == "f" else 0, owner, mode))
    return found


def test_is_small(engine: Engine, image: str) -> None:
    """The image adds at most 180 MB to its base."""
    base = {(file.path, file.size) for file in files(engine, engine.base)}
    added = [file for file in files(engine, image) if (file.path, file.size) not in base]
    megabytes = sum(file.size for file in added) / 1e6
    print(f"\n{megabytes:.0f} MB on top of the base")
    assert 10 < megabytes <= MAX_MEGABYTES


def test_has_only_the_app(engine: Engine, image: str) -> None:
    """It has no tests, sandbox, settings, pip or compiler, and no file that it can change."""
    found = files(engine, image)
    assert "/app/bot/web.py" in {file.path for file in found}
    assert [file.path for file in found if NOT_IN_THE_IMAGE.search(file.path)] == []
    assert [file for file in found if file.owner == USER] == []
    in_app = [file for file in found if file.path.startswith(("/app", "/opt"))]
    assert [file for file in in_app if file.mode[-1] in "2367"] == []


def test_has_no_secrets(engine: Engine, image: str) -> None:
    """Neither its configuration nor its files contain a value of a secret setting."""
    config = json.dumps(engine.config(image))
    assert not re.search(r"TOKEN|SECRET|KEYS|REDIS|xox|xapp", config)
    pattern = r"xox[a-z]-[0-9]|xapp-[0-9]|BEGIN [A-Z ]*PRIVATE KEY"
    assert engine.output(image, "sh", "-c", f"grep -rlE '{pattern}' /app || true") == ""


def test_is_configured_for_any_command(engine: Engine, image: str) -> None:
    """It runs emporix-bot as a user with a numeric id, and has a health check."""
    config = engine.config(image)
    assert config["User"] == f"{USER}:{USER}"
    assert (config["Entrypoint"], config["Cmd"]) == (["emporix-bot"], ["web"])
    assert config["Healthcheck"]["Test"] == ["CMD", *HEALTH_CHECK]
    assert parse_keys(engine.output(image, "emporix-bot", "keys", "new").strip())


async def test_serves_slack_and_runs_queued_work(
    engine: Engine, image: str, surroundings: Surroundings, tmp_path: Path
) -> None:
    """Web and worker answer a signed command, run a clean-up, are healthy, and stop cleanly."""
    for number in range(3):
        surroundings.emporix_state.add_job("acme", id=f"job-{number}", status="failure")
    log = tmp_path / "log"
    settings = surroundings.settings
    other = settings | {"METRICS_PORT": str(free_port())}
    began = time.monotonic()
    with (
        engine.start(image, ["web"], settings, log) as web,
        engine.start(image, ["worker"], other, log) as worker,
    ):
        await until_ready(surroundings)
        print(f"\nweb process ready after {time.monotonic() - began:.1f} s")
        await connect(surroundings)
        await clean_up(surroundings)
        assert web.run("id", "-u").stdout == f"{USER}\n"
        assert web.run("cat", "/proc/1/comm").stdout == "emporix-bot\n"
        for container in (web, worker):
            print(f"{memory(container)} MB of memory")
            await until_healthy(container)
        doctor = await asyncio.to_thread(worker.run, "emporix-bot", "doctor")
        assert (doctor.returncode, doctor.stdout.count("ok ")) == (0, 6), doctor.stdout
        await assert_drains(surroundings, web)
        assert web.run(*HEALTH_CHECK).returncode != 0
        worker.terminate()
        assert worker.process.wait(LONGEST) == 0
    assert not PROBLEM.search(log.read_text(encoding="utf-8"))


async def clean_up(surroundings: Surroundings) -> None:
    """Delete all jobs in the background, and wait for the report."""
    await surroundings.ada.command("/emporix jobs clean failed")
    await surroundings.ada.click("Delete…")
    await surroundings.ada.submit({"The number of jobs": "3"})
    direct_messages = Person(surroundings.http, surroundings.slack_url, "ada", "dm")
    async with asyncio.timeout(LONGEST):
        while "Deleted all 3 " not in json.dumps(await direct_messages.messages()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert list(surroundings.emporix_state.jobs("acme")) == []


async def until_healthy(container: Container) -> None:
    async with asyncio.timeout(START_SECONDS):
        while (done := await asyncio.to_thread(container.run, *HEALTH_CHECK)).returncode:
            assert container.process.poll() is None, done.stderr
            await asyncio.sleep(0.5)


async def assert_drains(surroundings: Surroundings, web: Container) -> None:
    """SIGTERM ends the process after the running command was answered."""
    surroundings.emporix_state.add_job("acme", id="job-1", status="success", message="Done.")
    slow = Fault("delay", times=1, path="/jobs/job-1", seconds=SLOW_SECONDS)
    surroundings.emporix_state.faults.add(slow)
    assert (await ask(surroundings)).status == 200
    async with asyncio.timeout(LONGEST):
        while not any("job-1" in seen.path for seen in surroundings.emporix_state.requests):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    web.terminate()
    status = await asyncio.to_thread(web.process.wait, LONGEST)
    assert status == 0
    shown = [message["text"] for message in await surroundings.ada.messages()]
    assert "✅ Succeeded · complaint-agent: “Done.”" in shown


def memory(container: Container) -> int:
    status = container.run("cat", "/proc/1/status").stdout
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) // 1000


async def test_the_demo_runs(engine: Engine, tmp_path: Path) -> None:
    """The image of the demo serves the page, with a Redis of its own, and stops on SIGTERM."""
    engine.build(DEMO, "demo")
    port, log = str(free_port()), tmp_path / "log"
    command = ["demo", "--host", "0.0.0.0", "--port", port]
    with engine.start(DEMO, command, {}, log) as container:
        async with asyncio.timeout(LONGEST), httpx.AsyncClient(trust_env=False) as http:
            while "Open" not in log.read_text(encoding="utf-8"):
                assert container.process.poll() is None, log.read_text(encoding="utf-8")
                await asyncio.sleep(0.1)
            page = await http.get(f"http://127.0.0.2:{port}", follow_redirects=True)
            assert "<title>#general · Acme Shop</title>" in page.text
        assert container.run(*HEALTH_CHECK, port, "/").returncode == 0
        container.terminate()
        assert container.process.wait(LONGEST) == 0
    assert not PROBLEM.search(log.read_text(encoding="utf-8"))
