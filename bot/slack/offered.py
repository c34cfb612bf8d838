"""What each request offers to its listener by name, made only where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp

from bot.say.render import Say
from bot.slack.channel import Channel
from bot.slack.files import Files
from bot.slack.incoming import Incoming, submitted
from bot.slack.people import People
from bot.slack.place import Place
from bot.slack.reply import ReplyLater

OFFERED: Mapping[str, Callable[[Say, aiohttp.ClientSession, Incoming], object]] = {
    "caller": lambda say, session, incoming: incoming.caller,
    "event": lambda say, session, incoming: incoming.event,
    "values": lambda say, session, incoming: submitted(incoming.view or {}),
    "reply": ReplyLater,
    "channel": Channel,
    "files": lambda say, session, incoming: Files(incoming.client, incoming.caller.user_id),
    "people": lambda say, session, incoming: People(say, incoming),
    "place": Place,
}
