"""The tutorial ticks each step when the app's messages prove it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rendering.renderer import Renderer, examples
from sandbox.page.tutorial import STEPS, TutorialProgress
from sandbox.slack.journal import SentPayload
from sandbox.slack.workspace import Workspace
from tests.harness.clock import FakeClock

RENDERER = Renderer.default()


def said(name: str, shown: str) -> dict[str, Any]:
    return dict(RENDERER.render(name, **examples(RENDERER, name)[shown]))


DONE = {
    "list": ("U0ADA", said("jobs/list", "the second page of failures")),
    "search": ("U0ADA", said("jobs/list", "a page that may have more, after a delete, read only")),
    "open": ("U0ADA", {"view": said("jobs/get.modal", "the last job of a page")}),
    "delete": ("U0ADA", said("jobs/delete.done", "deleted")),
    "share": ("U0ADA", said("jobs/share.list", "the second page of failures")),
    "connect": ("U0GRACE", {"view": said("connect.done", "read only")}),
    "mine": ("U0GRACE", said("jobs/list", "the second page of failures")),
    "find": (
        "U0GRACE",
        {"view": said("jobs/find", "two jobs of two tenants, and one that nobody knows")},
    ),
    "form": ("U0GRACE", {"view": said("jobs/search_results", "the second page of failures")}),
    "alerts": ("U0ADA", said("alerts/on", "new")),
    "claim": ("U0ADA", said("alerts/open.state", "claimed")),
    "snooze": ("U0ADA", said("alerts/open.state", "claimed, with two snoozes")),
    "mention": ("U0ADA", {"view": said("alerts/notify.done", "everything")}),
    "condition": ("U0ADA", said("alerts/on", "stuck jobs")),
    "run_again": ("U0ADA", {"view": said("jobs/run_again.done", "started")}),
    "pause": ("U0ADA", {"view": said("agents.paused", "paused")}),
}


@pytest.fixture
def sent_payloads() -> Workspace:
    return Workspace(FakeClock())


def done(progress: TutorialProgress) -> set[str]:
    return {step.name for step in progress.steps() if step.is_done}


@pytest.mark.parametrize("name", DONE)
def test_a_step_is_done_when_the_app_says_so(name: str, sent_payloads: Workspace) -> None:
    """A step is completed by the app's message to its user, and by no other message."""
    progress = TutorialProgress(sent_payloads)
    assert done(progress) == set()
    user_id, payload = DONE[name]
    sent_payloads.journal.add(SentPayload("response_url", payload, {}, user_id))
    assert name in done(progress)


def test_forgetting_starts_the_tutorial_again(sent_payloads: Workspace) -> None:
    """After the sandbox has deleted all messages, no step is done."""
    progress = TutorialProgress(sent_payloads)
    sent_payloads.journal.add(SentPayload("response_url", DONE["list"][1], {}, "U0ADA"))
    assert done(progress) == {"list"}
    sent_payloads.forget()
    assert done(progress) == set()


def test_each_user_has_their_own_steps(sent_payloads: Workspace) -> None:
    """Ada's connecting and listing don't complete Grace's steps."""
    progress = TutorialProgress(sent_payloads)
    for name in ("connect", "mine"):
        sent_payloads.journal.add(SentPayload("response_url", DONE[name][1], {}, "U0ADA"))
    assert done(progress) == {"list"}


def test_a_question_deletes_nothing(sent_payloads: Workspace) -> None:
    """The step "Delete a job" is not done while the app still asks."""
    progress = TutorialProgress(sent_payloads)
    asked = {"view": said("jobs/delete_mentioned.ask", "one")}
    sent_payloads.journal.add(SentPayload("views.push", asked, {}, "U0ADA"))
    assert done(progress) == set()


def test_notifying_nobody_is_no_step(sent_payloads: Workspace) -> None:
    """The step "Choose whom to notify" is not done by a form that mentions nobody."""
    progress = TutorialProgress(sent_payloads)
    saved = {"view": said("alerts/notify.done", "nobody")}
    sent_payloads.journal.add(SentPayload("views.update", saved, {}, "U0ADA"))
    assert done(progress) == set()


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("jobs/run_again", "what was sent"),
        ("jobs/run_again.done", "unknown"),
        ("jobs/run_again.done", "two forms of the same user"),
        ("agents.pause", "from an alert"),
        ("agents.paused", "by another person"),
        ("agents.paused", "unknown whether it worked"),
    ],
)
def test_only_results_complete_agent_actions(
    template: str, shown: str, sent_payloads: Workspace
) -> None:
    """The steps "Run a failed job again" and "Pause an agent" need the user's own success."""
    progress = TutorialProgress(sent_payloads)
    sent_payloads.journal.add(
        SentPayload("views.update", {"view": said(template, shown)}, {}, "U0ADA")
    )
    assert done(progress) == set()


def test_errors_tick_nothing_off(sent_payloads: Workspace) -> None:
    """Errors complete no step."""
    progress = TutorialProgress(sent_payloads)
    for name in RENDERER.templates():
        if name.startswith("errors/"):
            for facts in examples(RENDERER, name).values():
                sent_payloads.journal.add(
                    SentPayload("response_url", RENDERER.render(name, **facts), {}, "U0ADA")
                )
    assert done(progress) == set()


def test_the_next_step_is_the_first_incomplete_one(sent_payloads: Workspace) -> None:
    """The next step is the first incomplete one, in whatever order the others were done."""
    progress = TutorialProgress(sent_payloads)
    sent_payloads.journal.add(SentPayload("response_url", DONE["list"][1], {}, "U0ADA"))
    progress.switched_user(sent_payloads.directory.user("grace"))
    assert [step.name for step in progress.steps() if step.is_next] == ["search"]
    assert "switch" in done(progress)


def test_every_step_can_be_completed() -> None:
    """Every step can be completed."""
    assert {step.name for step in STEPS} == {*DONE, "switch"}
