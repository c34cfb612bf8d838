"""/emporix help [topic], and /emporix alone: the most used commands, all commands, and filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.accounts import Account, require_connection
from bot.rendering import buttons
from bot.rendering.buttons import CommandButton
from bot.services.filters.definitions import ALL_FILTERS
from bot.slack.decorators import CommandListener, Registry, action, command
from bot.slack.injection import RunCommand
from bot.slack.reply import Reply

ALL_TOPIC = {"all", "commands"}
FILTERS_TOPIC = {"filter", "filters", "jobs filters", "date", "dates", "time", "times"}

GROUPS_BY_WORD = {
    "jobs": "Jobs",
    "failed": "Jobs",
    "running": "Jobs",
    "agents": "Jobs",
    "digest": "Digests",
    "alerts": "Alerts",
}
GROUPS = ("Jobs", "Digests", "Alerts", "Connections")
"""Names of command groups; commands not in GROUPS_BY_WORD are in the last group."""

MOST_USED = (
    "jobs list",
    "failed",
    "running",
    "jobs search",
    "jobs get",
    "jobs watch",
    "digest new",
    "digest list",
    "digest preview",
    "alerts on",
    "alerts list",
    "alerts mute",
    "connect",
    "tenants",
    "use",
)
"""Commands listed first in their groups, in this order; the others follow alphabetically."""


@command("", "", "Your connection and the most used commands.", without_store="help", audit=None)
async def start(account: Account, reply: Reply) -> None:
    connection = require_connection(account) if account.connections else None
    others = len(account.connections) - 1
    await reply("help.start", connection=connection, others=others)


@command("help", "[topic]", "List all commands, or those of a topic.", in_ack=True, audit=None)
async def help_with(text: str, registry: Registry, reply: Reply) -> None:
    topic = " ".join(text.lower().split())
    if not topic:
        await reply("help")
    elif topic in FILTERS_TOPIC:
        await reply("help.filters", filters=ALL_FILTERS)
    elif topic in ALL_TOPIC:
        shortcuts = tuple(registry.shortcuts.values())
        await reply("help.all", topic="", groups=_groups(registry.topics("")), shortcuts=shortcuts)
    else:
        await reply("help.all", topic=text, groups=_groups(registry.topics(text)), shortcuts=())


@action(*buttons.HELP_RUNS, audit=None)
async def run(button: CommandButton, run_command: RunCommand) -> None:
    """Run the command that a button proposes."""
    await run_command(button.line)


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """Commands on the same subject, the most used first."""

    name: str
    commands: tuple[CommandListener, ...]


def _groups(commands: Iterable[CommandListener]) -> tuple[CommandGroup, ...]:
    by_use = sorted(commands, key=_place)
    groups = (
        CommandGroup(name, tuple(one for one in by_use if _group(one) == name)) for name in GROUPS
    )
    return tuple(group for group in groups if group.commands)


def _place(one: CommandListener) -> tuple[int, str]:
    most = len(MOST_USED)
    return MOST_USED.index(one.words) if one.words in MOST_USED else most, one.words


def _group(one: CommandListener) -> str:
    return GROUPS_BY_WORD.get(one.words.split()[0], GROUPS[-1])
