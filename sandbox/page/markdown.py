"""Renders markdown blocks as HTML; HTML in the text is escaped."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from sandbox.page.mrkdwn import is_address


class _Strict(MarkdownIt):
    """Links lead to the web or to somebody's mail, and nowhere else."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        return super().validateLink(url) and is_address(url)


def markdown(text: str) -> Markup:
    return Markup(_MARKDOWN.render(text))


def _link(
    renderer: RendererHTML, tokens: list[Token], at: int, options: OptionsDict, _: EnvType
) -> str:
    """As other links of the page: it opens elsewhere, and tells nobody where it was."""
    tokens[at].attrs |= {"target": "_blank", "rel": "noopener noreferrer"}
    return renderer.renderToken(tokens, at, options, {})


# Slack shows a picture as a link, and the page loads nothing from elsewhere.
_MARKDOWN = _Strict("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.disable("image")
_MARKDOWN.add_render_rule("link_open", _link)
