"""The whole app as the README starts it: Redis, stand-ins and the bot's own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.processes import PROJECT
from sandbox.slack.blockkit import problems

SECONDS = 60


def say(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m sandbox say …` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "say", *words],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_lists_jobs() -> None:
    """Ada, connected from the start, sees her failures."""
    done = say("/emporix jobs list status:failure size:3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Jobs 1–3 of ")
    assert ", failed" in done.stdout
    assert done.stdout.count("❌ Failed") == 3


def test_prints_what_was_sent() -> None:
    """--json gives the exact payloads as one array, each good enough for Slack."""
    done = say("/emporix jobs search refund", "--json")
    assert done.returncode == 0, done.stderr
    (payload,) = json.loads(done.stdout)
    assert payload["response_type"] == "ephemeral"
    assert problems(payload["blocks"], "message") == []


def test_presses_buttons() -> None:
    """--click presses one button after the other, confirm dialogs included."""
    done = say("/emporix jobs list", "--click", "Open", "--click", "Delete")
    assert done.returncode == 0, done.stderr
    assert "Deleted job" in done.stdout


def test_calls_shortcuts() -> None:
    """--write says something, --shortcut looks at it, and a form is drawn with what it holds."""
    done = say("--write", "The refund of EON1031", "--shortcut", "Find Emporix jobs")
    assert done.returncode == 0, done.stderr
    assert "There is no job" in done.stdout
    assert "Words: [The refund EON1031" in done.stdout
    assert "of Succeeded, Failed, Running, Skipped" in done.stdout


def test_opens_the_home() -> None:
    """--home draws it, and --click presses what stands in it."""
    done = say("--home", "--click", "Refresh", "--click", "Set up a digest")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Your Emporix jobs") == 2
    assert "in the last 24 hours" in done.stdout
    assert "┌─ Set up a digest" in done.stdout


def test_fills_in_a_modal() -> None:
    """--submit fills in the open modal by its labels."""
    key = ["Tenant=globex", "Client ID=globex-read-only", "Client secret=globex-read-only-secret"]
    done = say("/emporix connect", "--as", "grace", "--channel", "ops", "--submit", *key)
    assert done.returncode == 0, done.stderr
    assert "Connected to `globex`: read only." in done.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["/emporix jobs", "--as", "grace"], "You're not connected"),
        (["/emporix jobs get 000000000000000000000000"], "There is no job"),
        (["/emporix bogus"], "No command"),
    ],
)
def test_fails_where_the_bot_answers_with_an_error(words: list[str], shown: str) -> None:
    """The exit status is 1, and the error is printed like any other answer."""
    done = say(*words)
    assert done.returncode == 1
    assert shown in done.stdout


def test_says_what_cannot_be_done() -> None:
    """A button that is not there is named, with those that are."""
    done = say("/emporix help", "--click", "Launch")
    assert done.returncode == 2
    assert "Launch" in done.stderr


def test_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nothing that `say` has started still runs when it has ended."""
    say("/emporix help")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "emporix-say-" not in running.stdout


def test_uses_no_proxy() -> None:
    """All of it is on this machine, whatever proxy the environment names."""
    nobody = "http://127.0.0.1:9"
    done = say("/emporix tenants", HTTP_PROXY=nobody, HTTPS_PROXY=nobody, ALL_PROXY=nobody)
    assert done.returncode == 0, done.stderr
    assert "You're connected to 1 tenant" in done.stdout
