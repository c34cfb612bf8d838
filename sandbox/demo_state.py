"""The running demo: a lock for its folder, and its address for `say` and `clock`."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from sandbox.processes import StackError

STATE_FILE, LOCK_FILE = "demo.json", "demo.lock"
ANSWER_SECONDS = 2.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder, which the kernel releases if the demo is killed.

    Raises `StackError` if another demo holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = _published_url(folder)
            runs = f"A demo already runs at {where}" if where else "A demo is starting already"
            raise StackError(f"{runs}. Stop it with Ctrl-C before you start another one.") from None
        (folder / STATE_FILE).unlink(missing_ok=True)
        yield


@contextmanager
def published(folder: Path, slack_url: str) -> Iterator[None]:
    """Store the address of the demo while it runs."""
    note = folder / STATE_FILE
    note.write_text(json.dumps({"slack_url": slack_url}), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _published_url(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))["slack_url"])
    return ""


async def slack_url(folder: Path) -> str:
    """Return the address of the running demo's stand-in Slack, or "" if no demo runs."""
    if not (url := _published_url(folder)):
        return ""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as http:
            answer = await http.get(f"{url}/sandbox/messages", params={"user": "ada"})
    except (OSError, httpx.HTTPError, httpx.InvalidURL):
        return ""
    return url if answer.is_success else ""
