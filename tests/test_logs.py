"""Each line of the log has the request's reference, and nothing that opens a door."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from bot.logs import NOISY, configure, new_reference, redact


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Other tests log as they did before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_writes_json_with_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    """One line an event, the reference of the request in each."""
    configure("INFO", "json")
    reference = new_reference()
    logging.getLogger("bot.test").info("answered with %s", "not_found")
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "answered with not_found"
    assert line["reference"] == reference
    assert (line["level"], line["logger"]) == ("info", "bot.test")


def test_writes_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The same in a line that is easy to read."""
    configure("INFO", "text")
    reference = new_reference()
    logging.getLogger("bot.test").warning("refused a request")
    written = capsys.readouterr().err
    assert "refused a request" in written
    assert reference in written


def test_keeps_libraries_quiet_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    """At DEBUG, libraries would write bodies and addresses; they stay at WARNING."""
    configure("DEBUG", "json")
    for name in NOISY:
        logging.getLogger(f"{name}.some.module").info("body, token and response_url")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-123-456-abcDEF",
        "xapp-1-A-2-b",
        "Authorization: Bearer vkFuQ6oTwj8_Ye4e.iRSs",
        "https://hooks.slack.com/commands/T1/2/abc",
        "http://localhost:1/actions/T1/2/abc",
        "client_secret=abcdef123",
        '"access_token": "abcdef123"',
        "redis://user:abcdef123@host:6379",
    ],
)
def test_strikes_out_what_looks_like_a_secret(secret: str) -> None:
    """Tokens, secrets and response_urls do not get into the log, wherever they come from."""
    line = redact(None, "info", {"event": f"before {secret} after"})["event"]
    assert "[struck out]" in line
    assert not any(part in line for part in ("123-456", "A-2-b", "vkFu", "/abc", "abcdef123"))
    assert line.startswith("before ")
    assert line.endswith("after")
