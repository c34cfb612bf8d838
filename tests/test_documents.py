"""The documents are consistent with each other and with the code."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.listeners
from bot import __version__, errors
from bot.app import SLASH_COMMAND
from bot.cli import _parser
from bot.rendering.renderer import Renderer, examples
from bot.services.alerts.condition_text import parse_condition
from bot.services.filters.parser import parse
from bot.settings import Settings
from bot.slack.decorators import CommandListener, discover
from tests.harness.documents import (
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
from tests.harness.injected_parameters import wrong_parameters
from tests.harness.source_code import PROJECT, modules
from tests.slack.posting.test_channel_check import IN_ORDER

RENDERER = Renderer.default()
REGISTRY = discover(bot.listeners)
PICTURES = PROJECT / "docs/screenshots"
EXAMPLES = [PROJECT / ".env.example", PROJECT / "manifest.yml"]
USER_GUIDE, OPERATOR_GUIDE = "docs/user-guide.md", "docs/operator-guide.md"
RELEASE_CHECKLIST = "docs/release-checklist.md"

OPEN_ENDED = {"errors/invalid_input"}
OF_ALL_OPEN_ENDED = "a sentence about what you typed"
"""Errors that begin with what was typed, and the one row for all of them."""

TYPED = re.compile(rf"(?<![\w.]){SLASH_COMMAND}(?= |$)([^'`\n→]*?)(?=\"\)|['`\n→]|$)")
"""The text after /emporix, up to the end of the line or of the quotation."""

PLACEHOLDER = re.compile(r"[<\[…]")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name)


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    """Linked files, pictures and headings exist."""
    for address in links(document):
        path, _, anchor = address.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), address
        assert not anchor or anchor in anchors(found), address


def test_every_screenshot_is_shown() -> None:
    """No document lacks a picture that `make screenshots` takes."""
    shown = {(page.parent / address).resolve() for page in DOCUMENTS for address in links(page)}
    assert set(PICTURES.iterdir()) <= shown


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links to each page in docs/."""
    index = PROJECT / "docs/README.md"
    pages = {page for page in DOCUMENTS if page.parent != PROJECT} - {index}
    assert pages <= {(index.parent / address).resolve() for address in links(index)}


def test_every_document_can_be_reached_from_the_readme() -> None:
    """A reader finds each document by following links from the README."""
    found, waiting = set[Path](), [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        found.add(page)
        linked = {(page.parent / address.partition("#")[0]).resolve() for address in links(page)}
        waiting += sorted((linked & set(DOCUMENTS)) - found)
    assert set(DOCUMENTS) - found == set()


def typed_in(document: Path) -> Iterator[str]:
    """The texts after /emporix in a document."""
    for words in [*quoted(prose(document)), blocks(document)]:
        yield from TYPED.findall(words)


@each_document
def test_commands_are_understood(document: Path) -> None:
    """Documents contain only commands and filters that exist."""
    for typed in filter(lambda words: words.strip() != "…", typed_in(document)):
        command, rest, _ = REGISTRY.find(typed)
        if "filters" in command.usage and not PLACEHOLDER.search(rest):
            rest = parse_condition(rest)[2] if command.words == "alerts on" else rest
            parse(rest, status_words=command.words != "jobs search")


OF_THE_SYSTEM = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
"""Variables of other programs that the app uses too."""


@each_document
def test_settings_exist(document: Path) -> None:
    """Documents contain only settings that exist."""
    named = {word for words in quoted(prose(document)) for word in re.findall(r"\w+", words)}
    settings = {word for word in named if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
    assert settings <= {field.upper() for field in Settings.model_fields} | OF_THE_SYSTEM


def headline(template: str, facts: dict[str, object]) -> str:
    """The first sentence of a message, with "…" for variable parts."""
    words = str(RENDERER.render(template, **facts)["text"]).partition("\n")[0]
    words = re.sub(r"^:\w+: |\*", "", words)
    words = re.sub(r"`[^`]*`|<[#@]\w+>", "…", words)
    words = re.sub(r"(?<=\(status )\d+", "…", words)
    return re.split(r"(?<=[.?]) ", words)[0].rstrip(".")


ERRORS = [found for found in RENDERER.templates() if found.startswith("errors/")]


@pytest.mark.parametrize("template", [found for found in ERRORS if found not in OPEN_ENDED])
def test_errors_are_explained_to_users(template: str) -> None:
    """The user guide has a row for each error."""
    explained = "\n".join(row[0] for row in table(USER_GUIDE, "you read"))
    for facts in examples(RENDERER, template).values():
        assert headline(template, facts) in explained


def test_only_errors_are_explained_to_users() -> None:
    """The user guide has no row for a message that doesn't exist."""
    said = {
        headline(error, facts) for error in ERRORS for facts in examples(RENDERER, error).values()
    }
    rows = {row[0].rstrip(".") for row in table(USER_GUIDE, "you read")}
    assert {row for row in rows - said if not row.startswith(OF_ALL_OPEN_ENDED)} == set()


def logged() -> set[str]:
    """Every log message of the app, with "…" for variable parts."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules("bot"))
    events = re.findall(r'\blogger\.(?:debug|info|warning|error|exception)\(\s*"([^"]+)"', code)
    assert len(events) == len(re.findall(r"\blogger\.\w+\(", code))
    return {re.sub(r"%[.\d]*\w", "…", event) for event in events}


def test_the_log_is_explained_to_operators() -> None:
    """The operator guide lists exactly the log messages of the app."""
    rows = table(OPERATOR_GUIDE, "event (… stands for variable parts)")
    assert {row[0].strip("`") for row in rows} == logged()


def test_health_is_explained_as_it_is() -> None:
    """The operator guide names exactly the paths that are served."""
    served = set(re.findall(r'Route\("(/\w+)"', text("bot/web.py")))
    served |= set(re.findall(r'add_get\("(/\w+)"', text("bot/monitoring.py")))
    assert set(re.findall(r"`GET (/\w+)`", text(OPERATOR_GUIDE))) == served


def test_no_guide_allows_another_eviction_policy() -> None:
    """The documents require noeviction, because an eviction would lose data."""
    texts = {name(page): page.read_text(encoding="utf-8") for page in [*DOCUMENTS, *EXAMPLES]}
    for page, words in texts.items():
        assert not re.findall(r"(?:volatile|allkeys)-\w+", words), page
        assert set(re.findall(r"maxmemory-policy[` ]+(?:must be )?(\w+)", words)) <= {"noeviction"}
    assert all("noeviction" in texts[page] for page in ("README.md", OPERATOR_GUIDE))


@pytest.mark.parametrize("setting", [field.upper() for field in Settings.model_fields])
def test_settings_are_explained(setting: str) -> None:
    """Each setting is in the operator guide's table and in .env.example."""
    assert f"`{setting}`" in {row[0] for row in table(OPERATOR_GUIDE, "setting | default")}
    assert re.search(rf"^#?{setting}=", text(".env.example"), re.MULTILINE)


def subcommands(parser: argparse.ArgumentParser, words: str = "emporix-bot") -> Iterator[str]:
    """`emporix-bot keys new` and all others that a parser takes."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield words
    for word, one in inner[0].choices.items() if inner else ():
        yield from subcommands(one, f"{words} {word}")


def options(parser: argparse.ArgumentParser, words: str = "emporix-bot") -> Iterator[str]:
    """`emporix-bot doctor --channel` and all other options, each with its command."""
    for action in parser._actions:
        yield from (f"{words} {option}" for option in action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for word, one in action.choices.items():
                yield from options(one, f"{words} {word}")


@each_document
def test_commands_of_the_shell_exist(document: Path) -> None:
    """Documents contain only commands and options of emporix-bot that exist."""
    known = {*subcommands(_parser()), *options(_parser())}
    for words in [*quoted(prose(document)), *blocks(document).splitlines()]:
        for command in re.findall(r"emporix-bot(?: [a-z]+)+", words):
            assert command in known
            given = re.findall(r"(?<= )--[a-z]+", words.partition(command)[2])
            assert {f"{command} {option}" for option in given} <= known


def test_every_subcommand_is_explained_to_operators() -> None:
    """The operator guide's table has exactly the commands of emporix-bot."""
    rows = [row[0].strip("`") for row in table(OPERATOR_GUIDE, "command")]
    assert sorted(rows) == sorted(subcommands(_parser()))


def test_the_lines_of_the_doctor_are_explained() -> None:
    """Each line of doctor's output is in the operator guide and in the README's example."""
    found = set(re.findall(r'CheckResult\(\s*"(\w+)"', text("bot/doctor.py")))
    rows = [row[0].strip("`") for row in table(OPERATOR_GUIDE, "line")]
    assert set(rows) == found
    assert re.findall(r"^ +ok +(\w+)  ", text("README.md"), re.MULTILINE) == rows


def test_the_lines_of_a_tested_channel_are_explained() -> None:
    """The operator guide lists the lines of `doctor --channel` in their order."""
    rows = [row[0].strip("`") for row in table(OPERATOR_GUIDE, "line with `--channel`")]
    assert rows == ["channel", *IN_ORDER, "delete"]


def test_the_release_checklist_is_current() -> None:
    """The checklist has fifteen complete steps, and the buttons and shortcuts in them exist."""
    rows = table(RELEASE_CHECKLIST, "step")
    assert [row[0] for row in rows] == [str(number) for number in range(1, 16)]
    assert [row for row in rows if len(row) != 4 or not all(row)] == []
    labels = {label for row in rows for label in re.findall(r"\*\*(.+?)\*\*", row[2])} - {"⋯"}
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "templates").rglob("*.j2")]
    shown = {shortcut.name for shortcut in REGISTRY.shortcuts.values()}
    assert [one for one in labels - shown if not any(f'"{one}' in text for text in sources)] == []


def test_decisions_are_listed_by_their_titles() -> None:
    """The index lists each decision once, with its number and title."""
    pages = sorted((PROJECT / "docs/decisions").glob("*.md"))
    headings = [page.read_text(encoding="utf-8").partition("\n")[0] for page in pages]
    rows = table("docs/README.md", "decision")
    listed = [f"# {link.partition(']')[0].strip('[')}. {title}" for link, title in rows]
    assert listed == headings
    assert [row[0] for row in rows] == [
        f"[{int(page.name[:4])}](decisions/{page.name})" for page in pages
    ]


def test_each_release_has_each_group_of_changes_once() -> None:
    """The changelog has no duplicate headings in a release, and no duplicate lines."""
    for release in re.split(r"^## ", text("CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        groups = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert len(groups) == len(set(groups))
        entries = re.findall(r"^- (.+)$", release, re.MULTILINE)
        assert len(entries) == len(set(entries))


def test_the_newest_release_is_the_version() -> None:
    """The changelog begins with the version that `emporix-bot --version` prints, and its date."""
    heading = r"^## ([\d.]+) \((unreleased|\d{4}-\d\d-\d\d)\)$"
    newest = re.search(heading, text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert __version__ == newest[1] + (".dev0" if newest[2] == "unreleased" else "")


def classified() -> Iterator[tuple[str, list[str]]]:
    """What the table of `bot.errors` says of each error."""
    for row in re.findall(r"^\| (.+) \|$", str(errors.__doc__), re.MULTILINE)[2:]:
        names, *columns = (cell.strip() for cell in row.split("|"))
        for error in names.split(", "):
            yield error, columns


def test_the_table_of_errors_is_that_of_the_classes() -> None:
    """The table of errors has the attributes of the classes."""
    yes_or_no = {True: "yes", False: "no"}
    facts = {
        error.__name__: [
            error.cause,
            yes_or_no[error.is_temporary],
            error.pauses,
            yes_or_no[error.may_have_worked],
        ]
        for error in errors._with_subclasses(errors.EmporixError) - {errors.EmporixError}
    }
    assert dict(classified()) == facts


def test_the_example_of_a_command_works(tmp_path: Path) -> None:
    """The three files in CONTRIBUTING.md can be copied unchanged."""
    listener, template, test = fenced("CONTRIBUTING.md")
    written: dict[str, object] = {}
    exec(listener, written)
    exec(test, {})
    (heard,) = (found for found in written.values() if isinstance(found, CommandListener))
    assert wrong_parameters(heard) == []
    template_name = heard.words.replace(" ", "/")
    file = tmp_path / f"{template_name}.json.j2"
    file.parent.mkdir()
    file.write_text(template, encoding="utf-8")
    renderer = Renderer(tmp_path, PROJECT / "templates")
    for facts in examples(renderer, template_name).values():
        assert renderer.render(template_name, **facts)
