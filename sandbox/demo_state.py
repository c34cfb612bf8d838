"""Stores the address of the running demo in the demo's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

STATE_FILE = "demo.json"
ANSWER_SECONDS = 2.0


@contextmanager
def published(folder: Path, slack_url: str) -> Iterator[None]:
    """Leave a note while the demo runs."""
    note = folder / STATE_FILE
    note.write_text(json.dumps({"slack_url": slack_url}), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


async def slack_url(folder: Path) -> str:
    """The stand-in Slack of the running demo, or "" where none runs."""
    try:
        url = str(json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))["slack_url"])
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as http:
            answer = await http.get(f"{url}/sandbox/messages", params={"user": "ada"})
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return ""
    return url if answer.is_success else ""
