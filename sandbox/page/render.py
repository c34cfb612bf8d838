"""Renders messages and views as HTML.

A block of type `header` is rendered with templates/blocks/header.html. A type without a template is
an error, so no type is overlooked.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, TemplateNotFound

from sandbox.page.jinja_filters import FILTERS, FUNCTIONS

TEMPLATES = Path(__file__).parent / "templates"


class UnknownBlockType(Exception):
    """The page has no template for this block or element."""


def draw(name: str, /, **facts: Any) -> str:
    """Render the template `name`. Raises `UnknownBlockType` for a block without a template."""
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
