"""The project's documents, read as Markdown, for the tests that hold them to the code."""

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
    """`docs/security.md`."""
    return document.relative_to(PROJECT).as_posix()


def text(document: str) -> str:
    return (PROJECT / document).read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return _BLOCK.sub("", document.read_text(encoding="utf-8"))


def blocks(document: Path) -> str:
    """Its blocks of code."""
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    return "\n".join(match[0] for match in found)


def fenced(document: str) -> list[str]:
    """Each block of code between fences, without them."""
    return re.findall(r"^```\w+\n(.*?)^```$", text(document), re.MULTILINE | re.DOTALL)


def quoted(words: str) -> list[str]:
    """What stands between back-ticks."""
    return _CODE.findall(words)


def links(document: Path) -> list[str]:
    """The addresses of its links and pictures that are not on the web."""
    found: list[str] = _LINK.findall(_CODE.sub("", prose(document)))
    return [address for address in found if "://" not in address]


def anchors(document: Path) -> set[str]:
    """What GitHub lets a link point to: each heading, in small letters, joined by hyphens."""
    headings = _HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(document: str, first: str) -> list[list[str]]:
    """The rows of the table whose first column is headed `first`."""
    lines = iter(text(document).splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows
