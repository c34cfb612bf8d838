"""Parses the condition in the text after `alerts on`, such as `stuck:30m`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.conditions import Condition
from bot.errors import InvalidInput
from bot.services.filters.dates import Ago, parse_when
from bot.services.filters.definitions import FILTERS_BY_NAME
from bot.services.filters.reader import ALL_NAMES, unknown_filter
from bot.services.filters.tokens import TypedFilter, Word, tokenize, with_next_words

CONDITION_NAMES = ("stuck", "at-least", "within", "silent", "between")
"""The filters that set an alert's condition."""
NOT_IN_ALERTS = ("since", "until", "sort", "size", "page", "fields")

MAX_AT_LEAST = 100
DEFAULT_WITHIN = "10m"
MAX_MORE_WORDS = 2
"""The words after a value that may belong to it, as in `between:08 - 20`."""
MIN_SECONDS, MIN_SILENT_SECONDS, MAX_CONDITION_DAYS = 60, 15 * 60, 7
_HOURS = re.compile(r"(\d{1,2})(?::([0-5]\d))? ?[-–] ?(\d{1,2})(?::([0-5]\d))?", re.ASCII)


def parse_condition(text: str) -> tuple[Condition, str, str]:
    """The condition in the text after `alerts on`, its part of the text, and the rest: the filters.

    Raises InvalidInput.
    """
    found = tokenize(text, (*FILTERS_BY_NAME, *CONDITION_NAMES))
    filters = [token for token in found.tokens if isinstance(token, TypedFilter)]
    for token in filters:
        if token.name not in (*FILTERS_BY_NAME, *CONDITION_NAMES):
            names = [name for name in ALL_NAMES if name not in NOT_IN_ALERTS]
            raise unknown_filter(token, text, (*names, *CONDITION_NAMES))
    typed = [
        _whole(token, found.tokens[place + 1 :])
        for place, token in enumerate(found.tokens)
        if isinstance(token, TypedFilter) and token.name in CONDITION_NAMES
    ]
    if not typed:
        return Condition(), "", text
    if found.raw is not None:
        raise InvalidInput(
            "A condition can't be combined with q:", advice="Use filters like agent: and type:."
        )
    rest, values = text, dict[str, str]()
    for token in reversed(typed):
        if token.name in values:
            raise InvalidInput(f"{token.name}: is there twice", advice="Leave out one of them.")
        values[token.name] = ",".join(token.values)
        rest = f"{rest[: token.start]} {rest[token.end :]}"
    part = " ".join(text[token.start : token.end].strip() for token in typed)
    return _condition(values), part, rest.strip()


def _whole(token: TypedFilter, following: Sequence[Word | TypedFilter]) -> TypedFilter:
    """The condition with the words that its value needs, as in `stuck:30 m`."""
    is_value = _is_hours if token.name == "between" else _is_duration
    if token.name == "at-least" or is_value(",".join(token.values)):
        return token
    for count, value in with_next_words(token, following, MAX_MORE_WORDS):
        if is_value(value):
            return replace(token, values=(value,), end=following[count - 1].end)
    return token


def _is_duration(text: str) -> bool:
    try:
        return isinstance(parse_when((text,)), Ago)
    except InvalidInput:
        return False


def _is_hours(text: str) -> bool:
    return _HOURS.fullmatch(text) is not None


def _condition(values: Mapping[str, str]) -> Condition:
    kinds = [name for name in ("stuck", "at-least", "silent") if name in values]
    if len(kinds) > 1:
        raise InvalidInput(
            f"An alert can't have both {kinds[0]}: and {kinds[1]}:",
            advice="Turn on an alert for each.",
        )
    for name, other in (("within", "at-least"), ("between", "silent")):
        if name in values and other not in values:
            example = "at-least:5 within:10m" if name == "within" else "silent:2h between:08-20"
            raise InvalidInput(f"{name}: needs {other}:", advice=f"Type {example}.")
    if "stuck" in values:
        return Condition(stuck=_seconds("stuck", values["stuck"], MIN_SECONDS))
    if "at-least" in values:
        within = _seconds("within", values.get("within", DEFAULT_WITHIN), MIN_SECONDS)
        return Condition(at_least=_at_least(values["at-least"]), within=within)
    silent = _seconds("silent", values["silent"], MIN_SILENT_SECONDS)
    begin, end = _hours(values["between"]) if "between" in values else (0, 0)
    if begin != end and (end - begin) % (24 * 60) * 60 < silent:
        raise InvalidInput(
            "The hours after between: are shorter than the silence",
            advice="Use a shorter silence, such as silent:2h between:08-20.",
        )
    return Condition(silent=silent, begin=begin, end=end)


def _seconds(name: str, text: str, least: int) -> float:
    """The duration after a condition's name, in seconds."""
    advice = f"Use 30m, 2h or 1d (at least {least // 60}m, at most {MAX_CONDITION_DAYS}d)."
    try:
        when = parse_when((text,))
    except InvalidInput as error:
        raise InvalidInput(f"{name}: needs a duration", text, advice) from error
    seconds = when.length.total_seconds() if isinstance(when, Ago) else 0.0
    if not least <= seconds <= MAX_CONDITION_DAYS * 24 * 60 * 60:
        raise InvalidInput(f"{name}: can't have this duration", text, advice)
    return seconds


def _at_least(text: str) -> int:
    count = int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else 0
    if not 2 <= count <= MAX_AT_LEAST:
        advice = f"Use a number from 2 to {MAX_AT_LEAST}: at-least:5 within:10m."
        raise InvalidInput("at-least: needs a number of failures", text, advice)
    return count


def _hours(text: str) -> tuple[int, int]:
    """Two times of a day, in minutes after midnight."""
    found = _HOURS.fullmatch(text)
    advice = "Use two times, like between:08-20 or between:8:30-17:00."
    if found is None:
        raise InvalidInput("between: needs hours", text, advice)
    begin, end = (60 * int(found[place]) + int(found[place + 1] or 0) for place in (1, 3))
    if max(begin, end) > 24 * 60 or begin == end:
        raise InvalidInput("between: can't have these hours", text, advice)
    return begin % (24 * 60), end % (24 * 60)
