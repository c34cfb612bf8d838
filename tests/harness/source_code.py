"""The project's source as syntax trees, for the architecture tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def modules(folder: str) -> list[Path]:
    """Return all Python files in a folder of the project and its subfolders."""
    return sorted((PROJECT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> set[str]:
    """Return every string in a module."""
    found = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
    return {value for value in found if isinstance(value, str)}


def attributes(path: Path) -> set[str]:
    """Return every attribute name in a module."""
    return {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}


def imported(path: Path) -> set[str]:
    """Return the modules from which a module imports names."""
    found = (node.module for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
    return set(filter(None, found))


def names_from(path: Path, packages: Set[str]) -> set[str]:
    """Return the names that a module imports from these packages."""
    nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in nodes if node.module in packages for alias in node.names}


def imports(path: Path) -> set[str]:
    """Return the modules that are imported as a whole."""
    found = (node.names for node in ast.walk(tree(path)) if isinstance(node, ast.Import))
    return {alias.name for names in found for alias in names}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Return the name and the number of lines of every function and method."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
