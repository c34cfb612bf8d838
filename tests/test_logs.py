"""Each log line has the request's reference and no secrets."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import LIBRARY_LOGGERS, MAX_LOGGED_CHARACTERS, configure, new_reference, redact


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Restore the logging of other tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in LIBRARY_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_writes_json_with_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is one line of JSON with the request's reference."""
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
    for name in LIBRARY_LOGGERS:
        logging.getLogger(f"{name}.some.module").info("body, token and response_url")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-123-456-abcDEF",
        "xapp-1-A-2-b",
        "wss://wss-primary.slack.com/link/?ticket=0a1b2c3d&app_id=A1",
        "Authorization: Bearer vkFuQ6oTwj8_Ye4e.iRSs",
        "https://hooks.slack.com/commands/T1/2/abc",
        "http://localhost:1/actions/T1/2/abc",
        "client_secret=abcdef123",
        '"access_token": "abcdef123"',
        "redis://user:abcdef123@host:6379",
    ],
)
def test_redacts_what_looks_like_a_secret(secret: str) -> None:
    """Tokens, secrets and response_urls are redacted, wherever they come from."""
    line = redact(None, "info", {"event": f"before {secret} after"})["event"]
    assert "[redacted]" in line
    parts = ("123-456", "A-2-b", "0a1b2c", "vkFu", "/abc", "abcdef123")
    assert not any(part in line for part in parts)
    assert line.startswith("before ")
    assert line.endswith("after")


@pytest.mark.parametrize(
    "nested",
    [
        {"headers": {"Authorization": "abcdef123"}},
        {"payload": {"token": "abcdef123"}},
        {"payloads": [{"client_secret": "abcdef123"}]},
        {"texts": ["Bearer abcdef123", ("xoxb-abcdef123",)]},
        {"error": ValueError("redis://user:abcdef123@host")},
        {"deep": [[[[[["abcdef123"]]]]]]},
        {"xoxb-abcdef123": 1},
    ],
)
def test_redacts_nested_values(nested: dict[str, object]) -> None:
    """Secrets are redacted at any depth and in any container."""
    line = redact(None, "info", {"event": "x", "about": nested})
    assert "abcdef123" not in repr(line)


def test_leaves_facts_as_they_are() -> None:
    """Numbers, booleans and ordinary texts are logged unchanged."""
    facts = {"event": "done", "count": 3, "ok": True, "of": None, "ids": ["a", "b"], "took": 0.5}
    assert redact(None, "info", dict(facts)) == facts


ALTERNATIVES = [
    "xoxb-",
    "xoxb-a ",
    "xapp-",
    "?ticket=",
    "&ticket",
    "bearer ",
    "bearer",
    "http://a/",
    "https://",
    "http://a/commands/",
    "http://" + "a" * 250,
    "http://a/b/c/d/",
    "password",
    "password = ",
    "client_secret:",
    "access_token'=",
    "://a:",
    "://",
    "a:",
    "://" + "a:" * 50,
    " ",
    "\n",
    "a",
    "=",
]


@pytest.mark.parametrize("as_value", [str, lambda text: [text], lambda text: {"a": {"b": text}}])
@pytest.mark.parametrize("piece", ALTERNATIVES)
def test_redacts_any_length_at_once(piece: str, as_value: Callable[[str], object]) -> None:
    """200 kB of near matches take a few milliseconds of CPU time."""
    value = as_value((piece * (200_000 // len(piece) + 1))[:200_000])
    begun = time.process_time()
    line = redact(None, "info", {"event": value})
    assert time.process_time() - begun < 0.05
    assert len(repr(line)) < 3 * MAX_LOGGED_CHARACTERS


@pytest.mark.parametrize("piece", ALTERNATIVES)
def test_redacts_many_values_at_once(piece: str) -> None:
    """The same applies to items of a list."""
    values = [(piece * MAX_LOGGED_CHARACTERS)[:MAX_LOGGED_CHARACTERS] for _ in range(10)]
    begun = time.process_time()
    redact(None, "info", {"event": values})
    assert time.process_time() - begun < 0.05


@given(st.integers(1, 300), st.integers(0, 300))
def test_cuts_no_secret_in_two(before: int, after: int) -> None:
    """A shortened text doesn't contain half a secret, which couldn't be recognized."""
    secret = "redis://user:abcdef123@host"
    text = (
        "word " * 1950 + "x" * before + f" {secret} " + "y" * after + " word" * 5000 + f" {secret}"
    )
    assert "abc" not in redact(None, "info", {"event": text})["event"]


def test_keeps_both_ends_of_a_long_text() -> None:
    """A shortened traceback keeps its beginning and its end."""
    line = redact(None, "info", {"event": "begun " + "x " * 100_000 + "ended"})["event"]
    assert line.startswith("begun ")
    assert line.endswith(" ended")
    assert "characters left out" in line
