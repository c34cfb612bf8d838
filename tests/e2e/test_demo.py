"""`make demo` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from sandbox.demo import PORTS, TRY
from sandbox.emporix.keys import GLOBEX_OPERATIONS
from sandbox.processes import PROJECT
from sandbox.slack.person import Person
from sandbox.stack import running_stack

START = "import pathlib, sys; from sandbox import cli; cli.FOLDER = pathlib.Path(sys.argv[1]); "
START += "sys.exit(cli.main(['demo', *sys.argv[2:]]))"
SOON = 30.0  # seconds, on a busy machine


@contextmanager
def demo(
    folder: Path, *options: str, lines: str | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a demo in this folder, with `lines` for its prompt. All of its processes end."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder), *options],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL if lines is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its process group is that of a terminal
    )
    with process:
        try:
            if process.stdin:
                process.stdin.write(lines or "")
                process.stdin.flush()
            yield process
        finally:
            process.kill()
            end(folder)


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = (re.search(r"http://[\d.:]+", line) for line in process.stdout)
    return next(filter(None, found))[0]


def using(folder: Path) -> list[int]:
    """Return the processes with data in this folder: the demo, its Redis, web and worker."""
    return [pid for pid in pids() if str(folder) in f"{told(pid)} {place(pid)}"]


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def told(pid: int) -> str:
    """Return the command and environment of a process; "" if it ended or isn't ours."""
    with suppress(OSError):
        files = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
        return " ".join(file.read_text(errors="replace") for file in files)
    return ""


def place(pid: int) -> str:
    """Return the working directory: Redis rewrites its command and environment."""
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/cwd").readlink())
    return ""


def end(folder: Path) -> None:
    """Kill everything that a test has started."""
    for pid in using(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def has_ended(folder: Path) -> bool:
    """Return whether all processes have ended within some seconds."""
    ends = time.monotonic() + SOON
    while using(folder) and time.monotonic() < ends:
        time.sleep(0.05)
    return not using(folder)


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


def test_the_printed_steps_can_be_typed(tmp_path: Path) -> None:
    """The steps that the demo prints lead to no dead end; only an alert takes longer than this."""
    steps = [line.partition("  (")[0].strip() for line in TRY.split("Try:\n")[1].splitlines()]
    lines = [line for line in steps if line not in ("", "click I'm on it")]
    with demo(tmp_path, lines="\n".join([*lines, "quit", ""])) as process:
        printed, complaints = process.communicate(timeout=SOON)
    said = printed.split("stops the demo.\n", 1)[1]
    assert complaints == ""
    assert "Close it first" not in said
    assert "there are:" not in said


@linux
@pytest.mark.parametrize(("options", "is_reachable"), [([], False), (["--host", "0.0.0.0"], True)])
def test_the_page_is_for_this_machine_by_default(
    tmp_path: Path, options: list[str], is_reachable: bool
) -> None:
    """Only with --host can the page be reached at other addresses than 127.0.0.1."""
    with demo(tmp_path, *options) as process:
        port = int(address(process).rpartition(":")[2])
        with socket.socket() as client:
            assert (client.connect_ex(("127.0.0.2", port)) == 0) is is_reachable


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_quietly(tmp_path: Path, number: int) -> None:
    """A signal to the terminal's whole process group stops the demo without an error message."""
    with demo(tmp_path) as process:
        page = httpx.get(address(process), follow_redirects=True, trust_env=False)
        os.killpg(process.pid, number)
        _, complaints = process.communicate(timeout=SOON)
        assert using(tmp_path) == []
    assert "<title>#general · Acme Shop</title>" in page.text
    assert (process.returncode, complaints) == (0, "")


@linux
def test_ends_quietly_while_it_starts(tmp_path: Path) -> None:
    """Ctrl-C during the start stops everything with the exit status 130 and no traceback."""
    with demo(tmp_path) as process:
        assert process.stdout is not None
        assert "Starting" in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, complaints = process.communicate(timeout=SOON)
        assert using(tmp_path) == []
    assert (process.returncode, complaints) == (130, "")


def test_a_second_demo_in_the_folder_is_refused(tmp_path: Path) -> None:
    """A second demo names the address of the first one, which keeps running with its data."""
    with demo(tmp_path) as first:
        where = address(first)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.is_file()}
        with demo(tmp_path) as second:
            printed, complaints = second.communicate(timeout=SOON)
            after = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.is_file()}
            assert httpx.get(where, follow_redirects=True, trust_env=False).is_success
        assert (second.returncode, printed) == (1, "")
        assert complaints.startswith(f"A demo already runs at {where}. ")
        assert after == before


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    """The demo says that another port is used, and refuses a port that was chosen explicitly."""
    with ExitStack() as busy:
        with suppress(OSError):  # another program uses it already
            busy.enter_context(socket.create_server(("127.0.0.1", PORTS.slack)))
        taken = busy.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        with demo(tmp_path, lines="quit\n") as process:
            printed, _ = process.communicate(timeout=SOON)
        assert re.search(
            rf"^Port {PORTS.slack} is in use, so the page is on port \d+\.$", printed, re.MULTILINE
        )
        with demo(tmp_path, "--port", str(taken)) as process:
            printed, complaints = process.communicate(timeout=SOON)
    assert (process.returncode, printed) == (1, "")
    assert complaints == f"Port {taken} is in use. Choose another one with --port.\n"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "REDIS_URL must begin with one of"),
        ("redis://:secret#word@localhost", "REDIS_URL is not a Redis URL"),
        ("redis://:secret@127.0.0.1:9", "The Redis in REDIS_URL can't be used"),
        ("redis://:secret@host.invalid:6379", "The Redis in REDIS_URL can't be used"),
    ],
)
def test_an_unusable_redis_is_reported_at_once(tmp_path: Path, url: str, says: str) -> None:
    """For an invalid or unreachable REDIS_URL, one sentence without the password is printed."""
    with demo(tmp_path, REDIS_URL=url) as process:
        _, complaints = process.communicate(timeout=SOON)
    assert process.returncode == 1
    assert complaints.startswith(says)
    assert complaints.count("\n") == 1
    assert "secret" not in complaints


def test_the_prompt_checks_users_and_channels(tmp_path: Path) -> None:
    """For an unknown user or channel, the prompt lists the existing ones and stays where it is."""
    lines = ["as bob", "in nowhere", "in secret", "as grace", "in ops", "/emporix help", "quit"]
    with demo(tmp_path, lines="\n".join([*lines, ""])) as process:
        printed, complaints = process.communicate(timeout=SOON)
    said = printed.split("stops the demo.\n", 1)[1]
    assert complaints == ""
    assert "no user 'bob'; there are ada, grace" in said
    assert "no channel 'nowhere'; there are board, general, ops, partners, secret, dm" in said
    assert "You are ada in #secret now." in said
    assert "You are grace in #secret now." in said
    assert "You are grace in #ops now." in said


def test_the_prompt_shows_a_form_once(tmp_path: Path) -> None:
    """An open form is printed once, again with its errors, and not with other answers."""
    lines = ["/emporix connect", "/emporix help", "submit Tenant=x", "close", "quit"]
    with demo(tmp_path, lines="\n".join([*lines, ""])) as process:
        printed, complaints = process.communicate(timeout=SOON)
    said = printed.split("stops the demo.\n", 1)[1]
    assert complaints == ""
    assert said.count("┌─ ") == 2
    assert "(the modal is closed)" in said


@linux
def test_leaves_no_process_behind_when_it_is_killed(tmp_path: Path) -> None:
    """If the demo is killed, Redis, web and worker end."""
    with demo(tmp_path) as process:
        address(process)
        assert len(using(tmp_path)) >= 4
        process.kill()
        assert has_ended(tmp_path)


async def test_forgets_connections_too(tmp_path: Path) -> None:
    """After /sandbox/forget, Ada's connection to acme is the only one."""
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
    assert "of 5,000" in jobs["text"]  # those of acme
    assert refused["blocks"][0]["block_id"] == "error.not_connected"
    assert "globex" not in str(tenants)
