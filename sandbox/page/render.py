"""Renders messages and views as HTML: a block of type `header` with the template
templates/blocks/header.html. A type without a template is an error, so that none is missed."""

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
