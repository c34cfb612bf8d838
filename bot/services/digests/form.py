"""What somebody fills in to set a digest up: read field by field, or refused with advice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.errors import BotError, InvalidInput
from bot.services.references import normalize

MAX_DIGEST_NAME_LENGTH = 60
MAX_DIGEST_QUERY_LENGTH = 500
DEFAULT_NAME = "Daily jobs"
DEFAULT_MINUTE = 9 * 60
EVERY_DAY = tuple(range(7))

ZONE_ABBREVIATIONS = {
    "acst": "Australia/Adelaide",
    "aedt": "Australia/Sydney",
    "aest": "Australia/Sydney",
    "akst": "America/Anchorage",
    "akdt": "America/Anchorage",
    "ast": "America/Halifax or Asia/Riyadh",
    "awst": "Australia/Perth",
    "brt": "America/Sao_Paulo",
    "bst": "Europe/London",
    "cdt": "America/Chicago",
    "cest": "Europe/Berlin",
    "cst": "America/Chicago or Asia/Shanghai",
    "edt": "America/New_York",
    "eest": "Europe/Athens",
    "est": "America/New_York",
    "gst": "Asia/Dubai",
    "hkt": "Asia/Hong_Kong",
    "hst": "Pacific/Honolulu",
    "ist": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "mdt": "America/Denver",
    "mesz": "Europe/Berlin",
    "mez": "Europe/Berlin",
    "msk": "Europe/Moscow",
    "mst": "America/Denver or America/Phoenix",
    "nzdt": "Pacific/Auckland",
    "nzst": "Pacific/Auckland",
    "pdt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "sast": "Africa/Johannesburg",
    "sgt": "Asia/Singapore",
    "trt": "Europe/Istanbul",
    "west": "Europe/Lisbon",
}
"""What people call a zone in one half of the year, or several; IANA's EST is not New York's."""

_OFFSET = re.compile(r"(?:gmt|utc)?_?([+\u2212-])_?(\d{1,2})(?::?(\d\d))?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class DigestDraft:
    """What the form begins with; `zone` is the user's, "" if it is not known."""

    channel_id: str = ""
    name: str = DEFAULT_NAME
    minute: int = DEFAULT_MINUTE
    zone: str = ""
    days: tuple[int, ...] = EVERY_DAY
    tenant: str = ""
    query: str = ""
    post_when_empty: bool = False
    chart: bool = True

    @classmethod
    def of(cls, digest: Digest) -> DigestDraft:
        """What a digest is like now, to be changed."""
        schedule = digest.schedule
        return cls(
            digest.channel_id,
            digest.name,
            schedule.minute,
            schedule.zone,
            schedule.days,
            digest.tenant,
            digest.query,
            digest.post_when_empty,
            digest.chart,
        )


Problems = dict[str, BotError]
"""What is wrong, by the name of the field."""


class FormRefused(Exception):
    """Nothing was kept; `proposal` is what was filled in, as far as it can be shown again."""

    def __init__(self, proposal: DigestDraft, problems: Problems) -> None:
        super().__init__(", ".join(problems))
        self.proposal, self.problems = proposal, problems


@dataclass(frozen=True, slots=True)
class ParsedDraft:
    """What was filled in; where a field cannot be read, `problems` says so."""

    proposal: DigestDraft
    problems: Problems

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.proposal.minute, self.proposal.zone, self.proposal.days)


def parse_form(values: Mapping[str, str]) -> ParsedDraft:
    """The fields that can be read by themselves: all but what the filters mean."""
    problems: Problems = {}

    def field(name: str, reading: Callable[[str], Any], otherwise: Any) -> Any:
        try:
            return reading(values.get(name, ""))
        except InvalidInput as error:
            problems[name] = error
            return otherwise

    proposal = DigestDraft(
        channel_id=values.get("channel", ""),
        name=field("name", parse_name, ""),
        minute=field("time", parse_minute, DEFAULT_MINUTE),
        zone=field("zone", parse_zone, values.get("zone", "")),
        days=field("days", parse_days, ()),
        tenant=values.get("tenant", ""),
        query=" ".join(values.get("filters", "").split())[:MAX_DIGEST_QUERY_LENGTH],
        post_when_empty=bool(values.get("quiet")),
        chart=bool(values.get("chart")),
    )
    return ParsedDraft(proposal, problems)


def parse_name(text: str) -> str:
    """Raises InvalidInput."""
    name = " ".join(text.split())
    if not name:
        raise InvalidInput("The name is missing", advice="Type one, like Daily jobs.")
    return name[:MAX_DIGEST_NAME_LENGTH]


def parse_minute(text: str) -> int:
    """The minute of the day in `09:00`; raises InvalidInput."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise InvalidInput("That is not a time", text, "Choose one, like 09:00.")
    return int(found[1]) * 60 + int(found[2])


def parse_days(text: str) -> tuple[int, ...]:
    """The days of the week in `0,1,4`; raises InvalidInput where there is none."""
    days = tuple(sorted({int(part) for part in text.split(",") if part.strip() in set("0123456")}))
    if not days:
        raise InvalidInput("No day is chosen", advice="Choose at least one.")
    return days


def parse_zone(text: str) -> str:
    """A zone by its name in the IANA database, by a city in it or as `UTC+5`; raises InvalidInput.

    IANA's `Etc/GMT-5` is five hours ahead of UTC, which people call GMT+5.
    """
    wanted = normalize(text).replace(" ", "_")
    names = _zones()
    if city := ZONE_ABBREVIATIONS.get(wanted):
        raise InvalidInput(
            "An abbreviation does not say when the clocks change",
            text[:60],
            f"Type a city instead, such as {city}.",
        )
    if wanted in names:
        return names[wanted]
    if offset := _OFFSET.fullmatch(wanted):
        return _at_offset(text, *offset.groups())
    by_city = sorted(name for key, name in names.items() if key.rpartition("/")[2] == wanted)
    if len(by_city) == 1:
        return by_city[0]
    near = by_city or [names[key] for key in get_close_matches(wanted, names, n=3, cutoff=0.5)]
    guess = f"Did you mean {' or '.join(near[:3])}?" if near else ""
    raise InvalidInput(
        "There is no such time zone", text[:60], guess or "Type one, like Europe/Berlin."
    )


def _at_offset(text: str, sign: str, hours: str, minutes: str | None) -> str:
    """The zone that is always so many hours ahead of UTC (+) or behind it (-)."""
    if int(minutes or 0):
        advice = "Type a city instead, such as Asia/Kolkata for UTC+5:30."
        raise InvalidInput("Only whole hours can be typed", text[:60], advice)
    turned = "-" if sign == "+" else "+"
    name = _zones().get(f"etc/gmt{turned}{int(hours)}")
    if name is None:
        raise InvalidInput(
            "There is no such time zone", text[:60], "Type UTC-12 to UTC+14, or a city."
        )
    return "UTC" if int(hours) == 0 else name


def digest_filters(filters: Filters, tenant: str) -> Filters:
    """The filters of a digest of `tenant`; raises InvalidInput for what the digest itself says."""
    if filters.since is not None or filters.until is not None:
        raise InvalidInput(
            "A digest covers the time since the one before it", advice="Leave out since: and until:"
        )
    if filters.raw_q:
        raise InvalidInput("A digest cannot take q:", advice="Use the other filters.")
    if filters.tenant and filters.tenant != tenant:
        raise InvalidInput("The tenant is chosen above", advice="Leave out tenant:")
    plain = Filters()
    same = replace(
        filters, sort=plain.sort, page=plain.page, size=plain.size, fields=(), tenant=tenant
    )
    if replace(same, tenant=filters.tenant) != filters:
        raise InvalidInput(
            "A digest has no pages", advice="Leave out sort:, size:, page: and fields:"
        )
    return same


@cache
def _zones() -> dict[str, str]:
    """Names by their folded form."""
    return {normalize(name): name for name in available_timezones() if name != "localtime"}
