"""The documents hold together: what they name is there, and what must be explained is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.listeners
from bot.app import COMMAND
from bot.say.examples import examples
from bot.say.render import Say
from bot.services.filters import parse
from bot.settings import Settings
from bot.slack.hear import Command
from bot.slack.parameters import PARAMETERS
from bot.slack.registry import discover
from tests.documents import (
    DOCUMENTS,
    anchors,
    blocks,
    fenced,
    links,
    name,
    prose,
    quoted,
    table,
    text,
)
from tests.source import PROJECT, modules

SAY = Say.default()
REGISTRY = discover(bot.listeners)
PICTURES = PROJECT / "docs/pictures"
USER_GUIDE, OPERATOR_GUIDE = "docs/user-guide.md", "docs/operator-guide.md"

OPEN_ENDED = {"errors/invalid_input"}
OF_ALL_OPEN_ENDED = "a sentence about what you typed"
"""Errors whose first words are about what was typed, and the one row for all of them."""

TYPED = re.compile(rf"(?<![\w.]){COMMAND}(?= |$)([^'`\n→]*?)(?=\"\)|['`\n→]|$)")
"""What stands behind /emporix, up to the end of the line or of what quotes it."""

PLACEHOLDER = re.compile(r"[<\[…]")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name)


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    """Each file is there, and each heading in it; pictures are made later, by a target."""
    for address in links(document):
        path, _, anchor = address.partition("#")
        found = (document.parent / path).resolve() if path else document
        if found.parent != PICTURES:
            assert found.exists(), address
        assert not anchor or anchor in anchors(found), address


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to each page of docs/."""
    index = PROJECT / "docs/README.md"
    pages = {page for page in DOCUMENTS if page.parent != PROJECT} - {index}
    assert pages <= {(index.parent / address).resolve() for address in links(index)}


def typed_in(document: Path) -> Iterator[str]:
    """What a document tells people to type behind /emporix."""
    for words in [*quoted(prose(document)), blocks(document)]:
        yield from TYPED.findall(words)


@each_document
def test_commands_are_understood(document: Path) -> None:
    """Nobody is told to type what the app does not know, filters included."""
    for typed in filter(lambda words: words.strip() != "…", typed_in(document)):
        command, rest = REGISTRY.find(typed)
        if "filters" in command.usage and not PLACEHOLDER.search(rest):
            parse(rest, status_words=command.words != "jobs search")


OF_THE_SYSTEM = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
"""Variables that most programs read, and that this one reads, too."""


@each_document
def test_settings_exist(document: Path) -> None:
    """A setting that was renamed is renamed everywhere."""
    named = {word for words in quoted(prose(document)) for word in re.findall(r"\w+", words)}
    settings = {word for word in named if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
    assert settings <= {field.upper() for field in Settings.model_fields} | OF_THE_SYSTEM


def headline(template: str, facts: dict[str, object]) -> str:
    """The first sentence of a message, with "…" for what differs."""
    words = str(SAY.render(template, **facts)["text"]).partition("\n")[0]
    words = re.sub(r"^:\w+: |\*", "", words)
    words = re.sub(r"`[^`]*`|<#\w+>", "…", words)
    words = re.sub(r"(?<=\(status )\d+", "…", words)
    return re.split(r"(?<=[.?]) ", words)[0].rstrip(".")


ERRORS = [found for found in SAY.templates() if found.startswith("errors/")]


@pytest.mark.parametrize("template", [found for found in ERRORS if found not in OPEN_ENDED])
def test_errors_are_explained_to_users(template: str) -> None:
    """Whoever looks up the words of an error finds what to do."""
    explained = "\n".join(row[0] for row in table(USER_GUIDE, "you read"))
    for facts in examples(SAY, template).values():
        assert headline(template, facts) in explained


def test_only_errors_are_explained_to_users() -> None:
    """What no error says any more leaves the guide."""
    said = {headline(error, facts) for error in ERRORS for facts in examples(SAY, error).values()}
    rows = {row[0].rstrip(".") for row in table(USER_GUIDE, "you read")}
    assert {row for row in rows - said if not row.startswith(OF_ALL_OPEN_ENDED)} == set()


def logged() -> set[str]:
    """Every event that the app writes to its log, with "…" for what differs."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules("bot"))
    events = re.findall(r'\blogger\.(?:debug|info|warning|error|exception)\(\s*"([^"]+)"', code)
    assert len(events) == len(re.findall(r"\blogger\.\w+\(", code))
    return {re.sub(r"%[.\d]*\w", "…", event) for event in events}


def test_the_log_is_explained_to_operators() -> None:
    """The operator guide lists the events of the log: all of them, and no other."""
    rows = table(OPERATOR_GUIDE, "event (… stands for what differs)")
    assert {row[0].strip("`") for row in rows} == logged()


def test_health_is_explained_as_it_is() -> None:
    """Each path that the operator guide names is served, and each that is served is named."""
    served = set(re.findall(r'Route\("(/\w+)"', text("bot/web.py")))
    assert set(re.findall(r"`GET (/\w+)`", text(OPERATOR_GUIDE))) == served


def test_the_example_of_a_command_works(tmp_path: Path) -> None:
    """The three files of CONTRIBUTING.md can be copied as they are."""
    listener, template, test = fenced("CONTRIBUTING.md")
    written: dict[str, object] = {}
    exec(listener, written)
    exec(test, {})
    (heard,) = (found for found in written.values() if isinstance(found, Command))
    assert set(heard.parameters) <= PARAMETERS.keys()
    template_name = heard.words.replace(" ", "/")
    file = tmp_path / f"{template_name}.json.j2"
    file.parent.mkdir()
    file.write_text(template, encoding="utf-8")
    say = Say(tmp_path, PROJECT / "templates")
    for facts in examples(say, template_name).values():
        assert say.render(template_name, **facts)
