"""Messages and views as HTML. The words are the path: a block of type `header` is drawn by
templates/blocks/header.html, and one that has no such file is an error, so nothing goes unseen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, TemplateNotFound

from sandbox.page.jinja_filters import FILTERS, FUNCTIONS

TEMPLATES = Path(__file__).parent / "templates"


class UnknownBlockType(Exception):
    """The page knows no such block or element."""


def draw(name: str, /, **facts: Any) -> str:
    """The template `name` ("messages"); raises CannotDraw for a block that has no template."""
    try:
        return _environment().get_template(f"{name}.html").render(facts)
    except TemplateNotFound as error:
        raise UnknownBlockType(str(error)) from error


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= FILTERS
    env.globals |= FUNCTIONS
    return env
