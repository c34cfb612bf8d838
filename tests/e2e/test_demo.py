"""`make demo` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from sandbox.emporix.keys import GLOBEX_OPERATIONS
from sandbox.processes import PROJECT
from sandbox.slack.person import Person
from sandbox.stack import running_stack

START = "import asyncio, pathlib, signal, sys; from sandbox.demo import demo; "
START += "signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in the background
START += "sys.exit(asyncio.run(demo(pathlib.Path(sys.argv[1]))))"
SOON = 30.0  # seconds, on a busy machine


@contextmanager
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo in this folder; nothing of it is left behind, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
            end(folder)


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = (re.search(r"http://[\d.:]+", line) for line in process.stdout)
    return next(filter(None, found))[0]


def using(folder: Path) -> list[int]:
    """The processes that keep their data in a folder: Redis, web and worker of its demo."""
    return [pid for pid in pids() if str(folder) in f"{told(pid)} {place(pid)}"]


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def told(pid: int) -> str:
    """The command and the environment of a process; "" where it has ended or is somebody else's."""
    with suppress(OSError):
        files = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
        return " ".join(file.read_text(errors="replace") for file in files)
    return ""


def place(pid: int) -> str:
    """Where it works: Redis rewrites its command and environment."""
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/cwd").readlink())
    return ""


def end(folder: Path) -> None:
    """Nothing is left running that a test has started."""
    for pid in using(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def has_ended(folder: Path) -> bool:
    """Whether all of it has ended soon."""
    ends = time.monotonic() + SOON
    while using(folder) and time.monotonic() < ends:
        time.sleep(0.05)
    return not using(folder)


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@linux
def test_names_its_address_first_and_ends_quietly(tmp_path: Path) -> None:
    """The page answers there, also while nobody is at the terminal; Ctrl-C leaves no complaint."""
    with demo(tmp_path) as process:
        page = httpx.get(address(process), follow_redirects=True, trust_env=False)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=SOON)
        assert using(tmp_path) == []
    assert "<title>#general · Acme Shop</title>" in page.text
    assert (process.returncode, complaints) == (0, "")


@linux
def test_leaves_no_process_behind_when_it_is_killed(tmp_path: Path) -> None:
    """Redis, web and worker end with it, though nobody tells them to."""
    with demo(tmp_path) as process:
        address(process)
        assert len(using(tmp_path)) >= 4
        process.kill()
        assert has_ended(tmp_path)


async def test_forgets_connections_too(tmp_path: Path) -> None:
    """After /sandbox/forget Ada is connected to acme, and nobody to anything else."""
    key = GLOBEX_OPERATIONS
    form = {"Tenant": key.tenant, "Client ID": key.client_id, "Client secret": key.client_secret}
    async with running_stack(tmp_path) as stack, httpx.AsyncClient(timeout=SOON) as http:
        ada, grace = (Person(http, stack.slack_url, user, "general") for user in ("ada", "grace"))
        for person in (ada, grace):
            await person.command("/emporix connect")
            await person.submit(form)
        await ada.command("/emporix use globex")
        await http.post(f"{stack.slack_url}/sandbox/forget")
        (jobs,) = (await ada.command("/emporix jobs")).payloads
        (refused,) = (await grace.command("/emporix jobs")).payloads
        (tenants,) = (await ada.command("/emporix tenants")).payloads
    assert "tenant acme" in jobs["text"]
    assert refused["blocks"][0]["block_id"] == "error.not_connected"
    assert "globex" not in str(tenants)
