"""How many files a reader opens to follow one command from the request to the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bot import metrics
from tests.harness.app import AppHarness
from tests.harness.source_code import PROJECT
from tests.listeners.jobs.fixtures import add_jobs

MOST_FILES = 44


@contextmanager
def recorded_files() -> Iterator[set[str]]:
    """The files whose functions run meanwhile in this thread; a template is a function, too."""
    files = set[str]()

    def record(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    sys.setprofile(record)
    try:
        yield files
    finally:
        sys.setprofile(None)


@pytest.fixture
def without_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by default: other tests turn metrics on, which then watch the calls to Slack."""
    monkeypatch.setattr(metrics, "_registry", None)


@pytest.mark.usefixtures("without_metrics")
async def test_a_list_passes_through_few_files(connected: AppHarness) -> None:
    """`/emporix jobs`: the files of `bot/` and `templates/` whose functions ran, imports aside."""
    add_jobs(connected, 12)
    await connected.ada.command("/emporix jobs")  # what is loaded once is loaded
    with recorded_files() as files:
        await connected.ada.command("/emporix jobs")
    ours = {Path(file) for file in files if Path(file).is_relative_to(PROJECT)}
    paths = {path.relative_to(PROJECT) for path in ours}
    passed = sorted(str(path) for path in paths if path.parts[0] in ("bot", "templates"))
    assert "templates/jobs/list.json.j2" in passed
    assert len(passed) <= MOST_FILES, "\n".join(passed)
