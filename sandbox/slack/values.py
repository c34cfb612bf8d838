"""Values of inputs and selects as Slack stores them, and the conversations that a select offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.slack.directory import Channel, Directory, User
from sandbox.slack.errors import NotFound
from sandbox.slack.inputs import KEPT_AS, LISTS, Value


def selectable_conversations(
    element: Mapping[str, Any], directory: Directory, user: User
) -> list[Channel]:
    """Return the conversations that a select offers after its filter."""
    theirs = [channel for channel in directory.channels.values() if user.id in channel.members]
    if element["type"] == "channels_select":
        return [channel for channel in theirs if kind_of(channel) == "public"]
    wanted = element.get("filter", {})
    kinds = wanted.get("include") or ("public", "private", "im", "mpim")
    return [
        channel
        for channel in theirs
        if kind_of(channel) in kinds
        and not (channel.is_ext_shared and wanted.get("exclude_external_shared_channels"))
        and not (channel.is_im and wanted.get("exclude_bot_users"))
    ]


def kind_of(channel: Channel) -> str:
    """Return the type of a conversation in a select's filter."""
    if channel.is_im:
        return "im"
    return "private" if channel.is_private else "public"


Given = str | Sequence[str]
"""One text, or several: as a list or separated by commas."""


@dataclass(frozen=True, slots=True)
class ValueContext:
    """The possible values; `options` are those of the element, or those that were offered."""

    directory: Directory
    user: User
    options: Sequence[Mapping[str, Any]]


Read = Callable[[Mapping[str, Any], str, ValueContext], Any]
"""Converts a user's input in an element to the stored value."""


def value(element: Mapping[str, Any], given: Given, known: ValueContext) -> Value:
    """Return the value for a user's input `given`; an empty string clears it.

    Options are given by text or value, users and conversations by name or id, dates as 2026-11-24,
    times as 23:59, and both as 2026-11-24T23:59 or in seconds since 1970. Raises `NotFound`.
    """
    kind = element["type"]
    if kind in LISTS:
        return {"type": kind, "selected_options": _several(element, given, known)}
    if not isinstance(given, str):
        raise NotFound(f"only one thing can be chosen in a {kind}")
    read: Read = _READ.get(kind, _as_typed)
    return {"type": kind, KEPT_AS[kind]: read(element, given, known) if given else None}


def _several(element: Mapping[str, Any], given: Given, known: ValueContext) -> list[Any]:
    words = given.split(",") if isinstance(given, str) else given
    chosen = [_option(element, word.strip(), known) for word in words if word.strip()]
    most = element.get("max_selected_items", len(chosen))
    if len(chosen) > most:
        raise NotFound(f"at most {most} can be chosen")
    return chosen


def _option(_: Mapping[str, Any], word: str, known: ValueContext) -> Mapping[str, Any]:
    for option in known.options:
        if word in (option["text"]["text"], option["value"]):
            return option
    texts = ", ".join(option["text"]["text"] for option in known.options)
    raise NotFound(f"no option {word!r}; there are: {texts or 'none'}")


def _user(_: Mapping[str, Any], word: str, known: ValueContext) -> str:
    return known.directory.user(word.removeprefix("@")).id


def _conversation(element: Mapping[str, Any], word: str, known: ValueContext) -> str:
    there = selectable_conversations(element, known.directory, known.user)
    for channel in there:
        if word.removeprefix("#") in (channel.id, "dm" if channel.is_im else channel.name):
            return channel.id
    names = ", ".join("dm" if channel.is_im else channel.name for channel in there)
    raise NotFound(f"no conversation {word!r}; there are: {names}")


def _date(_: Mapping[str, Any], word: str, __: ValueContext) -> str:
    day: date = _read(date.fromisoformat, word, "a date like 2026-11-24")
    return day.isoformat()


def _time(_: Mapping[str, Any], word: str, __: ValueContext) -> str:
    hour: time = _read(time.fromisoformat, word, "a time like 23:59")
    return hour.strftime("%H:%M")


def _date_time(_: Mapping[str, Any], word: str, known: ValueContext) -> int:
    if word.isdecimal():
        return int(word)
    local: datetime = _read(datetime.fromisoformat, word, "a date and time like 2026-11-24T23:59")
    return int(local.replace(tzinfo=ZoneInfo(known.user.tz)).timestamp())


def _as_typed(_: Mapping[str, Any], word: str, __: ValueContext) -> str:
    return word


def _read(parse: Callable[[str], Any], word: str, wanted: str) -> Any:
    try:
        return parse(word)
    except ValueError as problem:
        raise NotFound(f"{word!r} is not {wanted}") from problem


_READ: Mapping[str, Read] = {
    "static_select": _option,
    "external_select": _option,
    "radio_buttons": _option,
    "users_select": _user,
    "channels_select": _conversation,
    "conversations_select": _conversation,
    "datepicker": _date,
    "timepicker": _time,
    "datetimepicker": _date_time,
}
