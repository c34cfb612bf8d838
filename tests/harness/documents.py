"""Reads the project's documents as Markdown, for tests that compare them with the code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness.source_code import PROJECT

DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```[^\n]*\n.*?^```$|^ {4}[^\n]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(document: Path) -> str:
    """Return the name in the form `docs/security.md`."""
    return document.relative_to(PROJECT).as_posix()


def text(document: str) -> str:
    return (PROJECT / document).read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """Return a document without its code blocks."""
    return _BLOCK.sub("", document.read_text(encoding="utf-8"))


def blocks(document: Path) -> str:
    """Return the code blocks of a document."""
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    return "\n".join(match[0] for match in found)


def fenced(document: str) -> list[str]:
    """Return the content of each fenced code block."""
    return re.findall(r"^```\w+\n(.*?)^```$", text(document), re.MULTILINE | re.DOTALL)


def quoted(words: str) -> list[str]:
    """Return the texts in backticks."""
    return _CODE.findall(words)


def links(document: Path) -> list[str]:
    """Return the targets of links and images that are not on the web."""
    found: list[str] = _LINK.findall(_CODE.sub("", prose(document)))
    return [address for address in found if "://" not in address]


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub generates for the headings."""
    headings = _HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(document: str, first: str) -> list[list[str]]:
    """Return the rows of the table whose first column is `first`."""
    lines = iter(text(document).splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r" \|(?= )", line.strip("|"))])
    return rows
