"""Texts use plain, standard English: a list of phrases must not occur in the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.source_code import PROJECT

PHRASES = [
    "anew",
    "as of when",
    "by the clock",
    "how far it is",
    "in the place of",
    "is told",
    "mend",
    "possible are",
    "stands there",
    "tells of",
    "there is no such",
    "what is to be",
    "whoever",
]

GAP = r"(?:[\s#>]|\"\s*\")+"
"""Between two words: white space and line breaks, with the signs of comments and split strings."""

PATTERN = re.compile(
    rf"\b(?:{'|'.join(phrase.replace(' ', GAP) for phrase in PHRASES)})\b", re.IGNORECASE
)

FOLDERS = [".github", "bench", "bot", "deploy", "docs", "sandbox", "templates", "tests"]
SUFFIXES = {".ambr", ".css", ".html", ".j2", ".js", ".md", ".py", ".svg", ".yaml", ".yml"}
SINGLE_FILES = [
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    ".env.example",
    ".pre-commit-config.yaml",
    "Dockerfile",
    "Makefile",
    "compose.yaml",
    "manifest.yml",
]
EXCLUDED = {Path(__file__)}
"""This file, which lists the phrases."""


def text_files(folder: str) -> list[Path]:
    """The text files in a folder of the project and in its subfolders."""
    found = sorted((PROJECT / folder).rglob("*"))
    return [path for path in found if path.suffix in SUFFIXES and path not in EXCLUDED]


def occurrences(path: Path) -> list[str]:
    """The phrases in a file, each as `path:line: phrase`; a phrase may be split over lines."""
    name, text = path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8")
    return [
        f"{name}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]!r}"
        for found in PATTERN.finditer(text)
    ]


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("gap", [" ", "\n    ", "\n# ", ' "\n    "'])
def test_finds_a_phrase_across_lines(phrase: str, gap: str) -> None:
    """A phrase is found although a line break, a comment or a split string divides it."""
    assert PATTERN.search(f"the end {phrase.upper().replace(' ', gap)}, and more")


@pytest.mark.parametrize("text", ["manew", "amend", "recommend", "what isn't to be", "is, told"])
def test_finds_whole_words_only(text: str) -> None:
    """Parts of other words, and words with something else between them, are not phrases."""
    assert not PATTERN.search(text)


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
