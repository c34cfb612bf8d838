"""The first minute: each step is ticked off by what the app says when it is really done."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rendering.renderer import Renderer, examples
from sandbox.page.tutorial import STEPS, Progress
from sandbox.slack.journal import Sent
from sandbox.slack.workspace import Workspace
from tests.harness.clock import FakeClock

SAY = Renderer.default()


def said(name: str, shown: str) -> dict[str, Any]:
    return dict(SAY.render(name, **examples(SAY, name)[shown]))


DONE = {
    "list": ("U0ADA", said("jobs/list", "the second page of failures")),
    "search": ("U0ADA", said("jobs/list", "a page that may have more, after a delete, read only")),
    "open": ("U0ADA", said("jobs/get", "a complaint that failed")),
    "delete": ("U0ADA", said("jobs/delete.done", "deleted")),
    "share": ("U0ADA", said("jobs/share.list", "the second page of failures")),
    "connect": ("U0GRACE", {"view": said("connect.done", "read only")}),
    "mine": ("U0GRACE", said("jobs/list", "the second page of failures")),
    "find": (
        "U0GRACE",
        {"view": said("jobs/find", "two jobs of two tenants, and one that nobody knows")},
    ),
    "form": ("U0GRACE", {"view": said("jobs/search_results", "the second page of failures")}),
}


@pytest.fixture
def told() -> Workspace:
    return Workspace(FakeClock())


def done(progress: Progress) -> set[str]:
    return {step.name for step in progress.steps() if step.is_done}


@pytest.mark.parametrize("name", DONE)
def test_a_step_is_done_when_the_app_says_so(name: str, told: Workspace) -> None:
    """Neither before, nor by somebody else's message."""
    progress = Progress(told)
    assert done(progress) == set()
    user_id, payload = DONE[name]
    told.journal.add(Sent("response_url", payload, {}, user_id))
    assert name in done(progress)


def test_ada_does_not_tick_off_what_is_graces(told: Workspace) -> None:
    """Her own connecting and listing are other steps, or none."""
    progress = Progress(told)
    for name in ("connect", "mine"):
        told.journal.add(Sent("response_url", DONE[name][1], {}, "U0ADA"))
    assert done(progress) == {"list"}


def test_errors_tick_nothing_off(told: Workspace) -> None:
    """What was tried in vain is not done."""
    progress = Progress(told)
    for name in SAY.templates():
        if name.startswith("errors/"):
            for facts in examples(SAY, name).values():
                told.journal.add(Sent("response_url", SAY.render(name, **facts), {}, "U0ADA"))
    assert done(progress) == set()


def test_the_first_that_is_not_done_comes_next(told: Workspace) -> None:
    """In whatever order they are done."""
    progress = Progress(told)
    told.journal.add(Sent("response_url", DONE["list"][1], {}, "U0ADA"))
    progress.became(told.directory.user("grace"))
    assert [step.name for step in progress.steps() if step.is_next] == ["search"]
    assert "switch" in done(progress)


def test_every_step_can_be_ticked_off() -> None:
    """None waits for ever."""
    assert {step.name for step in STEPS} == {*DONE, "switch"}
