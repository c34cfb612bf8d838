"""Renders markdown blocks as HTML. HTML in the text is escaped."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from sandbox.page.mrkdwn import is_address


class _Strict(MarkdownIt):
    """Allows only links to http, https and mailto."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        return super().validateLink(url) and is_address(url)


def markdown(text: str) -> Markup:
    return Markup(_MARKDOWN.render(text))


def _link(
    renderer: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, _: EnvType
) -> str:
    """Render links as elsewhere on the page: in a new tab and without a referrer."""
    tokens[at].attrs |= {"target": "_blank", "rel": "noopener noreferrer"}
    return renderer.renderToken(tokens, at, options, {})


# Slack shows an image as a link, and the page loads nothing from other hosts.
_MARKDOWN = _Strict("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.disable("image")
_MARKDOWN.add_render_rule("link_open", _link)
