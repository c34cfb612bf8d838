"""The page's HTML, parsed as a browser does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from sandbox.page.render import draw
from sandbox.page.viewer import Reader
from sandbox.slack.directory import ADA, Directory, User
from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.inputs import initial_state

NOW = 1_795_503_900.0  # 2026-11-24 07:05 UTC


def reader(user: User = ADA, now: float = NOW) -> Reader:
    return Reader(user, Directory(), now)


def drawn(blocks: list[dict[str, Any]], user: User = ADA) -> str:
    """Render blocks as a message or view shows them."""
    named = with_generated_ids(blocks)
    facts = {"blocks": named, "place": "C0GENERAL/1", "errors": {}}
    return draw("_blocks", **facts, state=initial_state(named), reader=reader(user))


@dataclass
class Seen(HTMLParser):
    """Every tag with its attributes, and the text between the tags."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def letters(self) -> str:
        return "".join(self.pieces)

    def updatepos(self, i: int, j: int) -> int:
        """Skip counting lines, which took most of the parsing time."""
        return j

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def seen(html: str) -> Seen:
    found = Seen()
    found.feed(html)
    found.close()
    return found
