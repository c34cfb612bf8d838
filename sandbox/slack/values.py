"""What somebody types or chooses, as Slack keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.slack.conversations import offered
from sandbox.slack.directory import Directory, User
from sandbox.slack.errors import Unknown
from sandbox.slack.inputs import KEPT_AS, LISTS, Value

Given = str | Sequence[str]
"""One text, or the texts of several choices; one text of those is parted by commas."""


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody can choose from; `options` are those of the element, or what was offered."""

    directory: Directory
    user: User
    options: Sequence[Mapping[str, Any]]


Read = Callable[[Mapping[str, Any], str, Known], Any]
"""From an element and what was given there to what is kept."""


def value(element: Mapping[str, Any], given: Given, known: Known) -> Value:
    """The value after somebody typed or chose `given`; an empty text takes a choice back.

    Options are meant by their text or their value, people and conversations by name or id, dates as
    2026-11-24, times as 23:59, both as 2026-11-24T23:59 or in seconds since 1970. Raises Unknown.
    """
    kind = element["type"]
    if kind in LISTS:
        return {"type": kind, "selected_options": _several(element, given, known)}
    if not isinstance(given, str):
        raise Unknown(f"only one thing can be chosen in a {kind}")
    read: Read = _READ.get(kind, _as_typed)
    return {"type": kind, KEPT_AS[kind]: read(element, given, known) if given else None}


def _several(element: Mapping[str, Any], given: Given, known: Known) -> list[Any]:
    words = given.split(",") if isinstance(given, str) else given
    chosen = [_option(element, word.strip(), known) for word in words if word.strip()]
    most = element.get("max_selected_items", len(chosen))
    if len(chosen) > most:
        raise Unknown(f"at most {most} can be chosen")
    return chosen


def _option(_: Mapping[str, Any], word: str, known: Known) -> Mapping[str, Any]:
    for option in known.options:
        if word in (option["text"]["text"], option["value"]):
            return option
    texts = ", ".join(option["text"]["text"] for option in known.options)
    raise Unknown(f"no option {word!r}; there are: {texts or 'none'}")


def _user(_: Mapping[str, Any], word: str, known: Known) -> str:
    return known.directory.user(word.removeprefix("@")).id


def _conversation(element: Mapping[str, Any], word: str, known: Known) -> str:
    there = offered(element, known.directory, known.user)
    for channel in there:
        if word.removeprefix("#") in (channel.id, "dm" if channel.is_im else channel.name):
            return channel.id
    names = ", ".join("dm" if channel.is_im else channel.name for channel in there)
    raise Unknown(f"no conversation {word!r}; there are: {names}")


def _date(_: Mapping[str, Any], word: str, __: Known) -> str:
    day: date = _read(date.fromisoformat, word, "a date like 2026-11-24")
    return day.isoformat()


def _time(_: Mapping[str, Any], word: str, __: Known) -> str:
    hour: time = _read(time.fromisoformat, word, "a time like 23:59")
    return hour.strftime("%H:%M")


def _date_time(_: Mapping[str, Any], word: str, known: Known) -> int:
    if word.isdecimal():
        return int(word)
    local: datetime = _read(datetime.fromisoformat, word, "a date and time like 2026-11-24T23:59")
    return int(local.replace(tzinfo=ZoneInfo(known.user.tz)).timestamp())


def _as_typed(_: Mapping[str, Any], word: str, __: Known) -> str:
    return word


def _read(parse: Callable[[str], Any], word: str, wanted: str) -> Any:
    try:
        return parse(word)
    except ValueError as problem:
        raise Unknown(f"{word!r} is not {wanted}") from problem


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
