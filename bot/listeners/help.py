"""/emporix help [topic] — lists commands; answered in the ack."""

from __future__ import annotations

from bot.rendering import buttons
from bot.rendering.buttons import CommandButton
from bot.services.filters.definitions import ALL_FILTERS
from bot.slack.decorators import Registry, action, command
from bot.slack.injection import RunCommand
from bot.slack.reply import Reply

FILTERS_TOPIC = {"filter", "filters", "jobs filters"}


@command("help", "[topic]", "List all commands, or those of a topic.", in_ack=True, audit=None)
async def help_with(text: str, registry: Registry, reply: Reply) -> None:
    if " ".join(text.lower().split()) in FILTERS_TOPIC:
        await reply("help.filters", filters=ALL_FILTERS)
    else:
        shortcuts = () if text else tuple(registry.shortcuts.values())
        await reply("help", topic=text, commands=registry.topics(text), shortcuts=shortcuts)


@action(*buttons.HELP_RUNS, audit=None)
async def run(button: CommandButton, run_command: RunCommand) -> None:
    """The command that a button proposes."""
    await run_command(button.line)
