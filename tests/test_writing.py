"""Texts use plain, standard English: a list of phrases must not occur in the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.source_code import PROJECT

PHRASES = re.compile(
    r"\b(anew|as of when|whoever|by the clock|is told|tells of|in the place of|mend"
    r"|there is no such|stands there|possible are|what is to be|how far it is)\b",
    re.IGNORECASE,
)

FOLDERS = ["bench", "bot", "docs", "sandbox", "templates", "tests"]
SUFFIXES = {".ambr", ".css", ".html", ".j2", ".js", ".md", ".py", ".svg"}
SINGLE_FILES = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    ".env.example",
    "Makefile",
    "manifest.yml",
]
EXCLUDED = {Path(__file__)}
"""This file, which lists the phrases."""


def text_files(folder: str) -> list[Path]:
    """The text files in a folder of the project and in its subfolders."""
    found = sorted((PROJECT / folder).rglob("*"))
    return [path for path in found if path.suffix in SUFFIXES and path not in EXCLUDED]


def occurrences(path: Path) -> list[str]:
    """The phrases in a file, each as `path:line: phrase`."""
    name = path.relative_to(PROJECT).as_posix()
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        f"{name}:{number}: {found[0]}"
        for number, line in enumerate(lines, start=1)
        for found in PHRASES.finditer(line)
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_in_standard_english(folder: str) -> None:
    """No file of the folder has one of the phrases."""
    files = text_files(folder)
    assert files
    assert [found for path in files for found in occurrences(path)] == []


@pytest.mark.parametrize("name", SINGLE_FILES)
def test_a_file_at_the_top_is_in_standard_english(name: str) -> None:
    """No file in the project's root has one of the phrases."""
    assert occurrences(PROJECT / name) == []
