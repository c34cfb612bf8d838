"""`python -m sandbox clock …`, and `clock …` at the demo's prompt."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from sandbox import demo_state
from sandbox.clock.parse_time import HELP, ZONE
from sandbox.slack.person import SandboxError

TIMEOUT_SECONDS = 60.0  # stopping the worker waits for its running tasks
WORKER = {"start worker": True, "stop worker": False}


async def clock(words: str, folder: Path) -> int:
    """Move the clock of the running demo, and print its state.

    The exit status is 2 if the clock can't be moved.
    """
    slack_url = await demo_state.slack_url(folder)
    if not slack_url:
        return _complain("No demo is running. Start one with `make demo`.")
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http:
        try:
            print(await run_clock_command(http, slack_url, words))
        except SandboxError as error:
            return _complain(str(error))
    return 0


async def run_clock_command(http: httpx.AsyncClient, slack_url: str, words: str) -> str:
    """Run a clock command and return the text to print.

    An empty `words` only shows the clock. Raises `SandboxError`.
    """
    if not words:
        answer = await http.get(f"{slack_url}/sandbox/clock")
    elif words in WORKER:
        answer = await http.post(f"{slack_url}/sandbox/worker", json={"on": WORKER[words]})
    else:
        answer = await http.post(f"{slack_url}/sandbox/clock", json={"to": words})
    state = answer.json()
    if refused := state["refused"]:
        raise SandboxError(refused)
    return _drawn(state)


def _drawn(state: dict[str, Any]) -> str:
    due = state["next_digest"]
    worker = "is running" if state["worker"] else 'is stopped. Start it with "start worker"'
    return "\n".join(
        [
            f"It is {_written(state['now'])}.",
            f"The next digest is due {_written(due)}." if due else "No digest is due.",
            *([f"Waiting for the worker: {waiting}."] if (waiting := state["waiting"]) else []),
            f"The worker {worker}.",
            HELP,
        ]
    )


def _written(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(ZONE)):%A %Y-%m-%d %H:%M:%S} in {ZONE}"


def _complain(words: str) -> int:
    print(words, file=sys.stderr)
    return 2
