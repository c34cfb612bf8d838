"""/emporix help [topic] — what there is to type; answered in the acknowledgement."""

from __future__ import annotations

from bot.slack.hear import command
from bot.slack.registry import Registry
from bot.slack.reply import Reply


@command("help", "[topic]", "What you can type, and what it does.", in_ack=True)
async def help_with(text: str, registry: Registry, reply: Reply) -> None:
    await reply("help", topic=text, commands=registry.topics(text))
