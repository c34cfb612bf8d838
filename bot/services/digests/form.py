"""Parses and saves the form of a digest; each problem is reported for its field."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from bot.domain.accounts import Account, Caller, require_connection
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.errors import (
    BotError,
    DigestRefused,
    EmporixError,
    InvalidInput,
    NotConnected,
    NotInChannel,
)
from bot.services.accounts import AccountService
from bot.services.digests.digests import DigestService
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.references import normalize
from bot.services.similarity import close_matches

MAX_DIGEST_NAME_LENGTH = 60
MAX_DIGEST_QUERY_LENGTH = 500
DEFAULT_NAME = "Daily jobs"
DEFAULT_MINUTE = 9 * 60
EVERY_DAY = tuple(range(7))
WEEKDAYS = EVERY_DAY[:5]
DAYS_BY_CHOICE = {"every": EVERY_DAY, "weekdays": WEEKDAYS}
CUSTOM_DAYS = "custom"
"""The choice of single days, which are selected in a separate field."""

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
"""Abbreviations that are valid for half of the year, or for several zones.

IANA's EST is not New York's time.
"""

_OFFSET = re.compile(r"(?:gmt|utc)?_?([+\u2212-])_?(\d{1,2})(?::?(\d\d))?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAME = r"(?:mon|tues?|wednes|wed|thurs?|thu|fri|satur|sat|sun)(?:day)?s?"
_SCHEDULE_AT_END = re.compile(
    r"(?:^|(?<=[\s,]))(?:(?P<days>daily|(?:every|each) (?:day|morning)"
    r"|(?:on )?(?:every |each )?(?:week ?|work(?:ing )?)days?"
    rf"|(?:on |every |each )?(?:{_DAY_NAME}(?:,? and |, ?| ?[-–] ?| to | ))*{_DAY_NAME})"
    r"|(?P<at>at )?(?P<hour>\d{1,2})(?:[:.h](?P<rest>\d\d))? ?(?P<half>am|pm)?"
    r"(?: ?(?:o'clock|h|uhr))?)$",
    re.ASCII | re.IGNORECASE,
)
"""Days or a time of day at the end of a text."""
_ASKING = re.compile(
    r"here|(?:please )?(?:(?:turn |set )?on|start|enable|add|create|new|set ?up)"
    r"(?: (?:it|here|digest))*",
    re.IGNORECASE,
)
_QUOTED_NAME = re.compile(r"[\"“”„«»](?P<name>[^\"“”„«»]+)[\"“”„«»]")


@dataclass(frozen=True, slots=True)
class DigestDraft:
    """The values of the form; `zone` is "" if the user's time zone is not known.

    `custom_days` is set if the days are chosen one by one.
    """

    channel_id: str = ""
    name: str = DEFAULT_NAME
    minute: int = DEFAULT_MINUTE
    zone: str = ""
    days: tuple[int, ...] = EVERY_DAY
    tenant: str = ""
    query: str = ""
    post_when_empty: bool = False
    chart: bool = True
    custom_days: bool = False

    @classmethod
    def of(cls, digest: Digest) -> DigestDraft:
        """The current settings of a digest."""
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
            schedule.days not in DAYS_BY_CHOICE.values(),
        )


Problems = dict[str, BotError]
"""Errors by the name of the field."""


class FormRefused(Exception):
    """Raised if nothing was saved; `proposal` has the values to show again, for these `tenants`."""

    def __init__(self, proposal: DigestDraft, problems: Problems, tenants: tuple[str, ...]) -> None:
        super().__init__(", ".join(problems))
        self.proposal, self.problems, self.tenants = proposal, problems, tenants


@dataclass(frozen=True, slots=True)
class ParsedDraft:
    """The submitted values; `problems` has an error for each field that cannot be read."""

    proposal: DigestDraft
    problems: Problems

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.proposal.minute, self.proposal.zone, self.proposal.days)


def parse_form(values: Mapping[str, str], only_tenant: str = "") -> ParsedDraft:
    """Parse all fields except the filters, which need a connection.

    `only_tenant` is used if the form has no field for the tenant.
    """
    problems: Problems = {}

    def field(name: str, reading: Callable[[str], Any], otherwise: Any) -> Any:
        try:
            return reading(values.get(name, ""))
        except InvalidInput as error:
            problems[name] = error
            return otherwise

    is_custom = values.get("days") == CUSTOM_DAYS
    days_field = "custom_days" if is_custom and "custom_days" in values else "days"
    proposal = DigestDraft(
        channel_id=values.get("channel", ""),
        name=field("name", parse_name, ""),
        minute=field("time", parse_minute, DEFAULT_MINUTE),
        zone=field("zone", parse_zone, values.get("zone", "")),
        days=field(days_field, parse_days, ()),
        tenant=values.get("tenant", only_tenant),
        query=field("filters", parse_query, values.get("filters", "")),
        post_when_empty=bool(values.get("quiet")),
        chart=bool(values.get("chart")),
        custom_days=is_custom,
    )
    return ParsedDraft(proposal, problems)


def parse_name(text: str) -> str:
    """Remove extra spaces from a name; raises InvalidInput if it is empty or too long."""
    name = " ".join(text.split())
    if not name:
        raise InvalidInput("The name is missing", advice="Type one, like Daily jobs.")
    return _within(name, MAX_DIGEST_NAME_LENGTH, "name")


def parse_typed(text: str) -> DigestDraft:
    """The name, time and days in a text like "Failures weekdays 8:30"; raises InvalidInput.

    Words that only ask for a digest, such as "on", are no name. A text in quotes is a name.
    """
    plain = " ".join(text.split())
    if quoted := _QUOTED_NAME.fullmatch(plain):
        return DigestDraft(name=parse_name(quoted["name"]))
    draft = DigestDraft()
    while found := _SCHEDULE_AT_END.search(plain):
        if not found["days"] and not _is_time_of_day(found, is_alone=not found.start()):
            break
        draft = replace(draft, **_days_or_minute(found))
        plain = plain[: found.start()].rstrip(" ,")
    name = _ASKING.sub("", plain, count=1) if _ASKING.fullmatch(plain) else plain
    return replace(draft, name=parse_name(name)) if name else draft


def _is_time_of_day(found: re.Match[str], *, is_alone: bool) -> bool:
    """Whether it is a time: a number alone is one only after "at", or without a name."""
    return bool(found["at"] or found["rest"] or found["half"] or is_alone)


def _days_or_minute(found: re.Match[str]) -> dict[str, Any]:
    if words := found["days"]:
        days = _days_in(words.lower())
        return {"days": days, "custom_days": days not in DAYS_BY_CHOICE.values()}
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return {"minute": parse_minute(f"{hour}:{found['rest'] or '00'}")}


def _days_in(words: str) -> tuple[int, ...]:
    """The days of "daily", "weekdays", or "monday, tue and friday"."""
    if re.search(r"week ?day|work|mon\w*(?: ?[-–] ?| to )fri", words):
        return WEEKDAYS
    named = {_DAY_NAMES.index(name) for name in re.findall("|".join(_DAY_NAMES), words)}
    return tuple(sorted(named)) or EVERY_DAY


def parse_query(text: str) -> str:
    """Remove extra spaces from a query; raises InvalidInput if it is too long."""
    return _within(" ".join(text.split()), MAX_DIGEST_QUERY_LENGTH, "query")


def _within(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise InvalidInput(
            f"The {what} is too long",
            advice=f"Use at most {longest} characters; this one has {len(text):,}.",
        )
    return text


def parse_minute(text: str) -> int:
    """The minute of the day in `09:00`; raises InvalidInput."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise InvalidInput("That isn't a time", text, "Choose one, like 09:00.")
    return int(found[1]) * 60 + int(found[2])


def parse_days(text: str) -> tuple[int, ...]:
    """The days of the week for a choice, or in a text like `0,1,4`, where 0 is Monday.

    Raises InvalidInput if no day is chosen.
    """
    if text in DAYS_BY_CHOICE:
        return DAYS_BY_CHOICE[text]
    days = tuple(sorted({int(part) for part in text.split(",") if part.strip() in set("0123456")}))
    if not days:
        raise InvalidInput("No day is chosen", advice="Choose at least one.")
    return days


def parse_zone(text: str) -> str:
    """Parse a time zone given as an IANA name, a city or `UTC+5`; raises InvalidInput.

    IANA's `Etc/GMT-5` is five hours ahead of UTC, which people call GMT+5.
    """
    wanted = normalize(text).replace(" ", "_")
    names = _zones()
    if city := ZONE_ABBREVIATIONS.get(wanted):
        raise InvalidInput(
            "An abbreviation doesn't say when the clocks change",
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
    near = by_city or [names[key] for key in close_matches(wanted, names, n=3, cutoff=0.5)]
    guess = f"Did you mean {' or '.join(near[:3])}?" if near else ""
    raise InvalidInput("Unknown time zone", text[:60], guess or "Type one, like Europe/Berlin.")


def _at_offset(text: str, sign: str, hours: str, minutes: str | None) -> str:
    """The zone with a constant offset ahead of UTC (+) or behind it (-)."""
    if int(minutes or 0):
        advice = "Type a city instead, such as Asia/Kolkata for UTC+5:30."
        raise InvalidInput("I can only read whole hours", text[:60], advice)
    turned = "-" if sign == "+" else "+"
    name = _zones().get(f"etc/gmt{turned}{int(hours)}")
    if name is None:
        raise InvalidInput("Unknown time zone", text[:60], "Type UTC-12 to UTC+14, or a city.")
    return "UTC" if int(hours) == 0 else name


def digest_filters(filters: Filters, tenant: str) -> Filters:
    """The filters of a digest; raises InvalidInput for those that the digest sets itself."""
    if filters.since is not None or filters.until is not None:
        raise InvalidInput(
            "A digest covers the time since the last one", advice="Leave out since: and until:"
        )
    if filters.raw_q:
        raise InvalidInput("A digest can't use q:", advice="Use the other filters.")
    if filters.tenant and filters.tenant != tenant:
        raise InvalidInput(f"This digest can only use tenant {tenant}", advice="Leave out tenant:")
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
    """IANA names by their normalized form."""
    return {normalize(name): name for name in available_timezones() if name != "localtime"}


Result = TypeVar("Result")

FORM_FIELDS = (
    "name",
    "channel_id",
    "tenant",
    "query",
    "filters",
    "schedule",
    "post_when_empty",
    "chart",
)
"""The fields of a digest that its form can change."""

FIELD_ERRORS = (InvalidInput, DigestRefused, NotConnected, NotInChannel, EmporixError)


class DigestFormService:
    """Prefills and saves the form of a digest. Every method may raise StoreUnavailable."""

    def __init__(
        self,
        accounts: AccountService,
        filter_resolver: FilterResolver,
        digests: DigestService,
    ) -> None:
        self._accounts, self._filter_resolver = accounts, filter_resolver
        self._digests = digests

    async def new_draft(self, account: Account, clock: LocalClock, typed: str = "") -> DigestDraft:
        """The initial values of the form, for a typed name and times; raises NotConnected."""
        zone = await clock.zone()
        return replace(
            parse_typed(typed),
            zone=str(zone) if zone else "",
            tenant=require_connection(account).tenant,
        )

    async def new_digest(self, account: Account, clock: LocalClock, channel_id: str) -> Digest:
        """The digest that the unchanged form would create, without an id; raises NotConnected."""
        draft = await self.new_draft(account, clock)
        schedule = Schedule(draft.minute, draft.zone or "UTC", draft.days)
        return Digest("", account.caller, channel_id, draft.name, schedule, draft.tenant)

    async def save(
        self,
        caller: Caller,
        clock: LocalClock,
        parsed: ParsedDraft,
        before: Digest | None,
        join_channel: Callable[[str], Awaitable[None]],
    ) -> Digest:
        """Create a digest, or change `before`; it then runs on the caller's connection.

        `join_channel` raises DigestRefused or NotInChannel. Raises FormRefused, and OutdatedButton
        if `before` was deleted.
        """
        problems, draft = parsed.problems, parsed.proposal
        account = await self._accounts.load(caller)
        filters = await _collect_problem(problems, "filters", self._filters(draft, account, clock))
        if not problems:
            await _collect_problem(problems, "channel", join_channel(draft.channel_id))
        if problems or filters is None:
            raise FormRefused(draft, problems, tuple(account.connections))
        digest = _digest(caller, parsed, filters)
        saved = await _collect_problem(problems, "name", self._save(account, digest, before))
        if saved is None:
            raise FormRefused(draft, problems, tuple(account.connections))
        return saved

    async def _save(self, account: Account, digest: Digest, before: Digest | None) -> Digest:
        if before is None:
            return await self._digests.create(account, digest)
        return (await self._digests.change(before.id, account, digest)).digest

    async def _filters(self, draft: DigestDraft, account: Account, clock: LocalClock) -> Filters:
        tenant = require_connection(account, draft.tenant).tenant
        filters = await self._filter_resolver.parse(
            draft.query, account, clock, date_words=False, tenant=tenant
        )
        return digest_filters(filters, tenant)


def changed_fields(before: Digest, after: Digest) -> tuple[str, ...]:
    """The names of the settings that differ, in the order of the form."""
    return tuple(name for name in FORM_FIELDS if getattr(before, name) != getattr(after, name))


def _digest(caller: Caller, parsed: ParsedDraft, filters: Filters) -> Digest:
    proposal = parsed.proposal
    return Digest(
        id="",
        owner=caller,
        channel_id=proposal.channel_id,
        name=proposal.name,
        schedule=parsed.schedule,
        tenant=proposal.tenant,
        query=proposal.query,
        filters=filters,
        post_when_empty=proposal.post_when_empty,
        chart=proposal.chart,
    )


async def _collect_problem(problems: Problems, name: str, work: Awaitable[Result]) -> Result | None:
    """The result of `work`; if it is refused, adds the error to `problems` and returns None."""
    try:
        return await work
    except FIELD_ERRORS as error:
        problems[name] = error
        return None
