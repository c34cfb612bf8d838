"""The tutorial "First steps": its steps, and which of them are completed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import compress

from bot.rendering import buttons
from sandbox.slack.directory import ADA, GRACE, User
from sandbox.slack.journal import SentPayload
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TutorialStep:
    """A step of the tutorial.

    `types` goes into the message field, `press` is the action_id of a button to highlight, `opens`
    the kind of a menu, `user` the user to switch to. `whose` is the user who does the step.
    """

    name: str
    whose: User
    title: str
    hint: str
    types: str = ""
    press: str = ""
    opens: str = ""
    user: str = ""
    is_done: bool = False
    is_next: bool = False


STEPS = (
    TutorialStep(
        "list",
        ADA,
        "List the newest jobs",
        "Ada is already connected to acme. Go to the next page with Next.",
        types="/emporix jobs",
    ),
    TutorialStep(
        "search",
        ADA,
        "Search what agents wrote",
        "Words and filters, in any order.",
        types="/emporix jobs search invoice status:failed",
    ),
    TutorialStep(
        "open", ADA, "Open one of them", "Click Open on a job.", press=buttons.JOBS_GET_OPEN
    ),
    TutorialStep(
        "delete",
        ADA,
        "Delete a job",
        "Click Delete in the opened job and confirm. The audit log records who deleted it.",
        press=buttons.JOBS_DELETE_MENTIONED_ASK,
    ),
    TutorialStep(
        "share",
        ADA,
        "Share with the channel",
        "Click Share in channel below the list. Until then, only you see the answer.",
        press=buttons.JOBS_SHARE_ASK,
    ),
    TutorialStep(
        "switch", GRACE, "Become Grace", "She sees only what Ada shared.", user=GRACE.name
    ),
    TutorialStep(
        "connect",
        GRACE,
        "Connect with her own key",
        "The form can fill in this sandbox's API keys.",
        types="/emporix connect",
    ),
    TutorialStep(
        "mine",
        GRACE,
        "List her jobs",
        "Her own tenant with her own permissions.",
        types="/emporix jobs size:5",
    ),
    TutorialStep(
        "find",
        ADA,
        "Find jobs from a message",
        "Send it, then open its menu (⋯), More message shortcuts, Find Emporix jobs.",
        types="What did the Complaint Agent say last?",
    ),
    TutorialStep(
        "form",
        ADA,
        "Search with a form",
        "It is in the ⚡ menu beside the message field.",
        opens="global",
    ),
    TutorialStep(
        "alerts",
        ADA,
        "Post failures in the channel",
        "New failures appear within a minute. Those with the same cause share a message.",
        types="/emporix alerts on",
    ),
    TutorialStep(
        "claim",
        ADA,
        "Claim a failure",
        "When an alert arrives, click I'm on it: everyone sees who works on it.",
        press=buttons.ALERTS_OPEN_CLAIM,
    ),
    TutorialStep(
        "snooze",
        ADA,
        "Snooze a kind of failure",
        "In the menu (⋯) of the failure, choose how long. Its thread then counts them.",
        press="menu",
    ),
    TutorialStep(
        "mention",
        ADA,
        "Choose whom to notify",
        "Click Notify… and choose a person. Only a new kind of failure mentions them.",
        types="/emporix alerts list",
    ),
    TutorialStep(
        "condition",
        ADA,
        "Report stuck jobs",
        "Each one is posted once. Other alerts report bursts of failures, or hours without jobs.",
        types="/emporix alerts on stuck:1m",
    ),
    TutorialStep(
        "run_again",
        ADA,
        "Run a failed job again",
        "Click Open, then Run again…, and confirm. The agent acts again, once.",
        types="/emporix failed",
    ),
    TutorialStep(
        "pause",
        ADA,
        "Pause an agent",
        "Click Pause… and type a reason. At the end, the app switches the agent on again.",
        types="/emporix agents",
    ),
)


SAID_ABOUT_USERS = {
    "Shared by {}": "share",
    "{} turned on alerts": "alerts",
    "{} has been on it": "claim",
    "{} snoozed": "snooze",
}
"""What the app says about a user who has completed a step."""

SAID = {
    "Emporix jobs found": "find",
    buttons.JOBS_SEARCH_RESULTS_REFRESH: "form",
    "Each stuck job is posted once": "condition",
    "Each burst is posted once": "condition",
    "Each silence is posted once": "condition",
}
"""What the app says to a user who has completed a step."""


class TutorialProgress:
    """The completed steps, derived from the app's messages. The page reports the `switch` step.

    A new journal starts the tutorial again.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._journal = workspace, workspace.journal
        self._read = workspace.journal.count
        self._done: set[str] = set()

    def switched_user(self, user: User) -> None:
        if user == GRACE:
            self._done.add("switch")

    def steps(self) -> list[TutorialStep]:
        """Return all steps. The first one that is not done is the next."""
        self._read_journal()
        steps = [replace(step, is_done=step.name in self._done) for step in STEPS]
        for place, step in enumerate(steps):
            if not step.is_done:
                steps[place] = replace(step, is_next=True)
                break
        return steps

    def _read_journal(self) -> None:
        journal = self._workspace.journal
        if journal is not self._journal:
            self._journal, self._read, self._done = journal, 0, set()
        for user in (ADA, GRACE):
            for sent in journal.since(self._read, user.id):
                self._done.update(_steps_shown_by(sent, user))
        self._read = journal.count


def _steps_shown_by(sent: SentPayload, user: User) -> Iterator[str]:
    """Return the steps that a message of the app proves to be done."""
    payload = sent.payload if isinstance(sent.payload, dict) else {}
    shown = json.dumps(payload, ensure_ascii=False)
    is_list = buttons.JOBS_LIST_REFRESH in shown
    if is_list:
        yield "search" if "containing “" in shown else "list" if user == ADA else "mine"
    if buttons.JOBS_GET_CLOSED in shown:
        yield "open"
    is_question = bool((payload.get("view") or {}).get("submit"))
    if ":wastebasket:" in shown and not is_question:
        yield "delete"
    said = (words.format(f"<@{user.id}>") in shown for words in SAID_ABOUT_USERS)
    yield from compress(SAID_ABOUT_USERS.values(), said)
    yield from _agent_actions(shown, user)
    if "*Connected to `" in shown and user == GRACE:
        yield "connect"
    if "Saved for " in shown and "Notify people" in shown and "Mentions nobody" not in shown:
        yield "mention"
    yield from compress(SAID.values(), (words in shown for words in SAID))


def _agent_actions(shown: str, user: User) -> Iterator[str]:
    if "*Started.*" in shown:
        yield "run_again"
    if " is paused " in shown and f" by <@{user.id}>" in shown:
        yield "pause"
