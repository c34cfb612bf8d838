"""emporix-bot: commands, output and exit status."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from bot.cli import main
from bot.settings import Settings
from bot.store.encryption import new_key, parse_keys
from tests.harness.source_code import PROJECT

REQUIRED = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "REDIS_URL", "ENCRYPTION_KEYS")
SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "0" * 32,
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "ENCRYPTION_KEYS": new_key(),
}
AS_A_MODULE = (sys.executable, "-m", "bot")
INSTALLED = (str(Path(sys.executable).with_name("emporix-bot")),)


def run(
    folder: Path, *command: str, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process, with only these settings."""
    names = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT)} | (settings or {}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("program", [AS_A_MODULE, INSTALLED], ids=["module", "installed"])
@pytest.mark.parametrize("command", ["web", "worker", "doctor"])
def test_names_all_that_is_missing(tmp_path: Path, program: tuple[str, ...], command: str) -> None:
    """Without settings nothing starts: all missing ones are named, without a traceback."""
    done = run(tmp_path, *program, command)
    assert done.returncode == 2
    needed = set(REQUIRED) - ({"SLACK_SIGNING_SECRET"} if command == "worker" else set())
    assert {name for name in REQUIRED if f"{name} is missing" in done.stderr} == needed
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_prints_problems_once(tmp_path: Path) -> None:
    """Commands that print their results write no log lines."""
    done = run(tmp_path, *AS_A_MODULE, "keys", "rotate", settings=SETTINGS)
    assert done.returncode == 1
    assert done.stdout.startswith("Redis doesn't answer")
    assert done.stderr == ""


UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")
"""Runs a command as the first process of a container."""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root on Linux")
@pytest.mark.parametrize("command", ["web", "worker", "doctor"])
def test_sigterm_ends_a_container_that_is_starting(tmp_path: Path, command: str) -> None:
    """The first process of a container ends on SIGTERM also while it is still importing."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)} | SETTINGS
    with subprocess.Popen(
        [*UNSHARE, *AS_A_MODULE, command], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    ) as started:
        first = handling_sigterm(started.pid)
        os.kill(first, signal.SIGTERM)
        assert started.wait(20) == 130
        assert started.stderr
        assert started.stderr.read() == b""


def handling_sigterm(parent: int) -> int:
    """Wait until a process has a child with a handler for SIGTERM, and return the child."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        for child in children.read_text().split():
            status = Path(f"/proc/{child}/status").read_text()
            (caught,) = re.findall(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)
            if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
                return int(child)
    raise TimeoutError


def test_ends_quietly_if_nobody_reads_its_output(tmp_path: Path) -> None:
    """A command whose output is read only in part ends without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    command = (*AS_A_MODULE, "manifest", "--socket")
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_repeats_no_secret_that_is_wrong(tmp_path: Path) -> None:
    """A secret in the wrong place is not printed."""
    wrong = dict.fromkeys(REQUIRED, "hunter2-hunter2")
    done = run(tmp_path, *AS_A_MODULE, "web", settings=wrong)
    assert done.returncode == 2
    assert "REDIS_URL must begin with" in done.stderr
    assert "hunter2" not in done.stderr


def test_makes_a_key_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    """`keys new` prints a different valid key each time."""
    assert main(["keys", "new"]) == 0
    assert main(["keys", "new"]) == 0
    first, second = capsys.readouterr().out.split()
    assert len(parse_keys(f"{first},{second}")) == 2
    assert first != second


@pytest.mark.parametrize("typed", [[], ["launch"], ["keys"], ["keys", "old"], ["web", "now"]])
def test_an_unknown_command_prints_the_usage(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown command prints the usage."""
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: emporix-bot")


@pytest.mark.parametrize("program", [AS_A_MODULE, INSTALLED], ids=["module", "installed"])
def test_shows_its_version(tmp_path: Path, program: tuple[str, ...]) -> None:
    """--version needs no settings, and prints the version of pyproject.toml."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    done = run(tmp_path, *program, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"emporix-bot {project['version']}\n"


def test_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """--help lists all commands."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [
        word for word in ("web", "worker", "doctor", "keys") if f"    {word} " not in shown
    ] == []
