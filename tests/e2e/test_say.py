"""`python -m sandbox say` with the whole app: Redis, stand-ins and the bot's own process."""

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
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )


def test_lists_jobs() -> None:
    """Ada, who is connected from the start, sees failed jobs."""
    done = say("/emporix jobs list status:failure size:3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Jobs 1–3 of ")
    assert ", failed" in done.stdout
    assert done.stdout.count("❌ Failed") == 3


def test_prints_what_was_sent() -> None:
    """--json prints the exact payloads as one array, each valid for Slack."""
    done = say("/emporix jobs search refund", "--json")
    assert done.returncode == 0, done.stderr
    (payload,) = json.loads(done.stdout)
    assert payload["response_type"] == "ephemeral"
    assert problems(payload["blocks"], "message") == []


def test_clicks_buttons() -> None:
    """--click clicks one button after the other and confirms dialogs."""
    done = say("/emporix jobs list", "--click", "Open", "--click", "Delete", "--submit")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 job deleted" in done.stdout


def test_calls_shortcuts() -> None:
    """--write posts a message, --shortcut runs on it, and a form is printed with its values."""
    done = say("--write", "The refund of EON1031", "--shortcut", "Find Emporix jobs")
    assert done.returncode == 0, done.stderr
    assert "doesn't mention a job" in done.stdout
    assert "Words: [The refund EON1031" in done.stdout
    assert "of Succeeded, Failed, Running, Skipped" in done.stdout


def test_opens_the_home_tab() -> None:
    """--home prints the Home tab, and --click clicks its buttons."""
    done = say("--home", "--click", "Refresh", "--click", "Set up a digest")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Your Emporix jobs") == 2
    assert "succeeded in 24 h" in done.stdout
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
def test_an_error_of_the_bot_is_an_exit_status(words: list[str], shown: str) -> None:
    """For an error of the bot, the exit status is 1 and the error is printed."""
    done = say(*words)
    assert done.returncode == 1
    assert shown in done.stdout


def test_an_unknown_button_is_refused() -> None:
    """For an unknown button, the existing ones are printed."""
    done = say("/emporix help", "--click", "Launch")
    assert done.returncode == 2
    assert "Launch" in done.stderr


def test_closes_a_modal() -> None:
    """--close closes the open modal, which is printed once."""
    done = say("/emporix connect", "--close")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("┌─ ") == 1
    assert "(the modal is closed)" in done.stdout


def test_an_open_modal_is_in_front() -> None:
    """Behind an open modal nothing can be clicked, and no command is sent, until it is closed."""
    done = say("/emporix jobs", "--click", "Open", "--click", "Next", "--click", "Previous")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("┌─ Emporix job") == 3
    done = say("/emporix jobs", "--click", "Filter", "--click", "Next")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no 'Next' for ada in the open modal" in done.stderr
    done = say("/emporix connect", "--home")
    assert (done.returncode, done.stdout) == (2, "")
    assert "The modal “Connect a tenant” is open. Close it first" in done.stderr
    done = say("/emporix connect", "--close", "--home", "--click", "Refresh")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_prints_on_any_console(encoding: str) -> None:
    """Characters that a console can't show are printed as a question mark."""
    done = say("/emporix jobs status:success size:1", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "? Succeeded" in done.stdout


def test_accepts_umlauts_in_a_posix_locale() -> None:
    """Arguments are UTF-8 in any locale, and --json stays readable."""
    posix = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = say("/emporix jobs search Grüße", "--json", **posix)
    assert done.returncode == 0, done.stderr
    assert "Grüße" in str(json.loads(done.stdout))


def test_leaves_nothing_behind(tmp_path: Path) -> None:
    """When `say` has ended, none of its processes is running."""
    say("/emporix help")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "emporix-say-" not in running.stdout


def test_uses_no_proxy() -> None:
    """Proxies in the environment are ignored, because everything is on this machine."""
    nobody = "http://127.0.0.1:9"
    done = say("/emporix tenants", HTTP_PROXY=nobody, HTTPS_PROXY=nobody, ALL_PROXY=nobody)
    assert done.returncode == 0, done.stderr
    assert "You're connected to 1 tenant" in done.stdout
