"""`make bench` finds every measurement, and its exit status says whether all goals are met."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.cli import STOPPED, main, measurements, take
from bench.environment import Environment
from bench.measurement import Goal, Measurement, Rounds, at_least, at_most
from tests.harness.source_code import PROJECT, modules

NO_ENVIRONMENT: Any = None
TAKEN = measurements()


def measurement(goal: Goal) -> Measurement:
    async def measure(environment: Environment) -> Rounds:
        return {"figure": [1.0, 2.0, 3.0]}

    return Measurement("measurement", {"figure": goal}, measure)


async def test_a_missed_goal_is_an_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    """One missed goal makes the exit status 1, and the other figures are still measured."""
    good, short = measurement(at_most(2)), measurement(at_least(3))
    assert await take(NO_ENVIRONMENT, [good], verbose=False) == 0
    assert await take(NO_ENVIRONMENT, [short, good], verbose=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        "figure 2 <=2 ok",
        "figure 2,2 >=3 short",
        "figure 2 <=2 ok",
    ]


async def test_each_round_is_shown_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """With --verbose, the rounds are shown below their figure."""
    await take(NO_ENVIRONMENT, [measurement(at_most(2))], verbose=True)
    assert capsys.readouterr().out.splitlines() == ["figure 2 <=2 ok", "    1 2 3"]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """For a misspelled name, the valid names are printed before anything is started."""
    with pytest.raises(SystemExit) as ended:
        main(["acknowledgment"])
    assert ended.value.code == 2
    assert "acknowledgment is none of acknowledgement, burst" in capsys.readouterr().err


def serves(pid: int) -> bool:
    """Whether a process has a child that runs uvicorn, after setpriv has replaced itself by it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in children]
    return any(one[0] == os.fsencode(sys.executable) and b"uvicorn" in one for one in commands)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, STOPPED), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_a_stopped_bench_leaves_no_process(number: signal.Signals, status: int) -> None:
    """Whatever stops the bench also ends the processes that it has started."""
    command = [sys.executable, "-m", "bench", "acknowledgement"]
    bench = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=PIPE)
    async with asyncio.timeout(60):
        while not serves(bench.pid):  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.01)
        bench.send_signal(number)
        await bench.communicate()  # its processes have the same output: this waits for all of them
    assert bench.returncode == status


def test_each_file_holds_one_measurement() -> None:
    """Each file's figures are measured, and no figure is measured twice."""
    files = {path.stem for path in modules("bench/figures")} - {"__init__"}
    assert {one.name for one in TAKEN} == files
    assert len(TAKEN) == len(files)
    counted = Counter(name for one in TAKEN for name in one.goals)
    assert set(counted.values()) == {1}


def test_every_figure_is_explained() -> None:
    """docs/performance.md has exactly one row for each figure, with its goal."""
    text = (PROJECT / "docs/performance.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([<>]=[\d.]+|-) \|", text, re.MULTILINE))
    assert rows == {name: str(goal) for one in TAKEN for name, goal in one.goals.items()}
