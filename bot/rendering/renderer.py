"""Renders templates into messages and views that Slack accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, Self, TypeAlias

from jinja2 import (
    Environment,
    FileSystemLoader,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)

from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.environment import environment
from bot.rendering.parse import InvalidPayload, InvalidTemplate, parse_payload

_COMMENT = re.compile(r"\s*\{#-?(.*?)-?#\}", re.DOTALL)
_EXAMPLE_PREFIX = "example:"


def examples(renderer: Renderer, name: str) -> dict[str, dict[str, Any]]:
    """The data of each example of a template, by title; raises InvalidTemplate if there is none."""
    source = renderer.source(name)
    found: dict[str, dict[str, Any]] = {}
    start = 0
    while comment := _COMMENT.match(source, start):
        start = comment.end()
        if comment[1].lstrip().startswith(_EXAMPLE_PREFIX):
            line = source.count("\n", 0, comment.start(1)) + 1
            words, facts = _parse_example(name, line, comment[1])
            if words in found:
                raise InvalidTemplate(name, f"two examples are called {words!r}", line)
            found[words] = facts
    if not found:
        raise InvalidTemplate(
            name, "it begins with no example: {# example: words, newline, JSON #}"
        )
    return found


def _parse_example(name: str, line: int, comment: str) -> tuple[str, dict[str, Any]]:
    words, _, data = comment.strip().removeprefix(_EXAMPLE_PREFIX).partition("\n")
    try:
        facts = json.loads(data)
    except json.JSONDecodeError as error:
        raise InvalidTemplate(
            name, f"example {words.strip()!r}: {error.msg}", line + error.lineno
        ) from None
    if not isinstance(facts, dict):
        raise InvalidTemplate(name, f"example {words.strip()!r} is no JSON object", line)
    return words.strip(), facts


TemplateSource: TypeAlias = tuple[str, str, Callable[[], bool]]
"""Jinja: the text of a template, its path, and a function that says whether it is unchanged."""

SUFFIX = ".json.j2"
_PARTS = "parts/"
CACHED_TEXTS = 64  # payloads of a few kB each

# Errors raised by expressions in templates, in addition to Jinja's own.
_EXPRESSION_ERRORS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)


class Renderer:
    """The message templates of some folders; earlier folders override later ones."""

    def __init__(self, *folders: Path, deletes: str = "all", may_act: bool = True) -> None:
        self._sources = _TemplateLoader(folders)
        self._environment = environment(self._sources, deletes, may_act=may_act)
        self.private_text_once = lru_cache(CACHED_TEXTS)(self.private_text)
        """`private_text` with a cache, for texts that are often the same; data must be hashable.

        Rendering the help takes 0.13 ms, which would delay the ack.
        """

    @classmethod
    @cache
    def default(cls, deletes: str = "all", *, may_act: bool = True) -> Self:
        """The templates in the installed package, or those of the project.

        `deletes` is the setting, and `may_act` says if AGENT_ACTIONS is on: templates leave out
        buttons that they forbid. The renderer is cached, because compiling templates takes time.
        """
        package = Path(__file__).parents[1]
        installed = package / "templates"
        folder = installed if installed.is_dir() else package.parent / "templates"
        return cls(folder, deletes=deletes, may_act=may_act)

    def preload(self) -> None:
        """Read all templates now, as the process may later have no file descriptor left."""
        self._sources.read_all()

    def render(self, name: str, /, **facts: object) -> dict[str, object]:
        """The payload of template `name` ("jobs/list"), within Slack's limits.

        Raises InvalidTemplate with the name of the template and, if known, the line.
        """
        try:
            return fit_payload(parse_payload(self._rendered(name, facts)))
        except InvalidPayload as error:
            raise InvalidTemplate(name, str(error)) from error

    def private_text(self, name: str, /, **facts: object) -> str:
        """The payload of `render` as an ephemeral message in JSON."""
        return json.dumps({**self.render(name, **facts), "response_type": "ephemeral"})

    def templates(self) -> list[str]:
        """The names of all messages, without the included templates in parts/."""
        names = self._environment.list_templates(filter_func=_is_message)
        return [name.removesuffix(SUFFIX) for name in names]

    def source(self, name: str, /) -> str:
        """The text of template `name`; raises InvalidTemplate if there is none."""
        loader = self._environment.loader
        try:
            return loader.get_source(self._environment, name + SUFFIX)[0] if loader else ""
        except TemplateNotFound:
            raise InvalidTemplate(name, "template not found") from None

    def _rendered(self, name: str, facts: dict[str, object]) -> str:
        try:
            return self._environment.get_template(name + SUFFIX).render(facts)
        except TemplateNotFound as error:
            raise InvalidTemplate(name, f"there is no template {error.name}") from error
        except TemplateSyntaxError as error:
            place = (error.name or name).removesuffix(SUFFIX)
            raise InvalidTemplate(place, str(error.message), error.lineno) from error
        except (TemplateError, *_EXPRESSION_ERRORS) as error:
            raise _with_template_line(name, error) from error


class _TemplateLoader(FileSystemLoader):
    """Templates from folders, read on first use or all at once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders)
        self._read: dict[str, TemplateSource] = {}

    def read_all(self) -> None:
        plain = Environment(autoescape=True)  # required by Jinja's interface, but not used
        self._read = {name: self.get_source(plain, name) for name in self.list_templates()}

    def get_source(self, environment: Environment, template: str) -> TemplateSource:
        return self._read.get(template) or super().get_source(environment, template)


def _is_message(path: str) -> bool:
    return path.endswith(SUFFIX) and not path.startswith(_PARTS)


def _with_template_line(name: str, error: Exception) -> InvalidTemplate:
    """`error` with the innermost template line, which Jinja adds to the traceback."""
    path, line = _innermost(error.__traceback__)
    is_elsewhere = bool(path) and not path.endswith(name + SUFFIX)
    within = f" (in {'/'.join(Path(path).parts[-2:])})" if is_elsewhere else ""
    return InvalidTemplate(name, f"{error}{within}", line)


def _innermost(trace: TracebackType | None) -> tuple[str, int]:
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]
    return next((place for place in reversed(places) if place[0].endswith(SUFFIX)), ("", 0))
