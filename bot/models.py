"""The facts that every room speaks about: who acts, on which connection, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

READ_SCOPE = "ai.agent_read"
DELETE_SCOPE = "ai.agent_manage"

READING, DELETING = READ_SCOPE, f"{READ_SCOPE} {DELETE_SCOPE}"
"""What a token is asked for with. A key may be allowed more; most tokens may only read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The base of all dataclasses that are written to Redis, at any depth of a record.

    `unknown` holds the fields that a newer version of the app has written and this one does not
    know, by name. `dataclasses.replace` keeps them, and they are written back unchanged. Two
    records that differ in them only are equal.
    """

    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Stored], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """How bot.store.serialization reads and writes it."""
        schema: dict[str, Any] = {**handler(source)}
        return core_schema.no_info_before_validator_function(
            _collector(source),
            # By its ref, pydantic uses a schema again where a type occurs twice: all of this one.
            ref=schema.pop("ref", None),
            schema=schema,
            serialization=core_schema.wrap_serializer_function_ser_schema(_with_unknown),
        )


def _collector(source: type[Stored]) -> Callable[[Any], Any]:
    """A function that moves the fields `source` does not know to `unknown`.

    A null counts as missing where the field has a default and cannot be null.
    """
    hints = get_type_hints(source)
    names = hints.keys() - {"unknown"}
    required = {
        one.name
        for one in fields(source)
        if one.default is MISSING and one.default_factory is MISSING
    }
    keeps_null = required | {name for name in names if NoneType in get_args(hints[name])}

    def collect(facts: Any) -> Any:
        if not isinstance(facts, dict) or (facts.keys() <= names and None not in facts.values()):
            return facts
        known = {
            name: value
            for name, value in facts.items()
            if name in names and (value is not None or name in keeps_null)
        }
        return {**known, "unknown": {name: facts[name] for name in facts if name not in names}}

    return collect


def _with_unknown(record: Any, write: core_schema.SerializerFunctionWrapHandler) -> Any:
    facts = write(record)
    return {**facts.pop("unknown"), **facts}


@dataclass(frozen=True, slots=True)
class Caller(Stored):
    """A Slack user in a workspace; `enterprise_id` is empty outside an Enterprise Grid."""

    team_id: str
    user_id: str
    enterprise_id: str = ""


@dataclass(frozen=True, slots=True)
class Audience(Stored):
    """Who reads a channel.

    `known` is False where that cannot be found out; `refused` is then Slack's error code.
    `outsiders` are people of other organizations, `archived` says that the channel takes no
    messages, and `direct` that it is a direct message.
    """

    channel_id: str
    known: bool = True
    outsiders: bool = False
    direct: bool = False
    archived: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Credentials(Stored):
    """An Emporix API key: what a token is asked with."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token(Stored):
    """An access token; `expires_at` in seconds since 1970."""

    value: str = field(repr=False)
    expires_at: float
    scopes: frozenset[str] = frozenset()
    tenant: str = ""
    """The tenant the key is bound to, as Emporix names it; empty where it did not say."""


@dataclass(frozen=True, slots=True)
class Connection(Stored):
    """One user's access to one tenant; `connected_at` in seconds since 1970."""

    caller: Caller
    tenant: str
    credentials: Credentials
    scopes: frozenset[str]
    connected_at: float
    token: Token | None = None

    @property
    def can_delete(self) -> bool:
        return DELETE_SCOPE in self.scopes


@dataclass(frozen=True, slots=True)
class Account:
    """All connections of one user by tenant, and the tenant used when none is named."""

    caller: Caller
    connections: Mapping[str, Connection] = field(default_factory=dict)
    default_tenant: str = ""


NEWEST_FIRST = "metadata.createdAt:DESC"
DEFAULT_PAGE_SIZE = 10


@dataclass(frozen=True, slots=True)
class Filters(Stored):
    """What somebody asked to see, in our words.

    `statuses`, `types`, `agents` (ids), `agent_types`, `events` and `sessions` hold alternatives
    (any of them), as Emporix spells them; `words` are phrases that the agent message must all
    contain. `since` and `until` bound when a job was created, from the one up to the other, in
    seconds since 1970. `raw_q` is passed on as it is and stands alone. An empty `fields` means all
    that a list shows; `page` counts from 1.

    The rest is for the reader: `agent_names` says `agents` in words, `agent_guesses` are names of
    agents that were perhaps meant, and `in_utc` tells that a day was taken as one of UTC, because
    Slack did not say where the asker is.
    """

    words: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    agent_types: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    raw_q: str = ""
    tenant: str = ""
    sort: str = NEWEST_FIRST
    page: int = 1
    size: int = DEFAULT_PAGE_SIZE
    fields: tuple[str, ...] = ()
    agent_names: tuple[str, ...] = ()
    agent_guesses: tuple[str, ...] = ()
    in_utc: bool = False

    @property
    def narrow(self) -> bool:
        """Whether they leave out any job of the tenant."""
        texts = (self.words, self.statuses, self.types, self.agents, self.agent_types)
        times = (self.since, self.until)
        return any((*texts, self.events, self.sessions, self.raw_q)) or any(
            time is not None for time in times
        )


@dataclass(frozen=True, slots=True)
class Schedule(Stored):
    """A local time on some days of the week.

    `minute` counts from midnight, `zone` is a name of the IANA database, `days` are those of the
    week, Monday is 0; there is at least one.
    """

    minute: int
    zone: str
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot(Stored):
    """A run of a digest: `on` names it within the digest, `at` is its time, seconds since 1970.

    `on` is the local date that it is for, in ISO 8601, or `now.` and a time where somebody asked
    for a digest at once.
    """

    on: str
    at: float


@dataclass(frozen=True, slots=True)
class Digest(Stored):
    """What is posted to a channel by the clock, and what has become of it so far.

    `owner` is the user on whose connection it runs. `query` are the filters as they were typed.
    `chart`: its messages show the jobs of the last days as a chart.
    `slot` is the next run, None while it is paused for the reason in `paused`; `asked` is when
    somebody asked for one at once, 0 where nobody did. `paused_at` is when it was paused, by the
    user `paused_by` or, if that is empty, by the app; `notices` counts the messages about that in
    the channel, and `notice_at` is when the next is due, 0 for never.

    `posted_on` is the date of the last run that was posted, and `covered_until` the time up to
    which it told; 0 where there was none yet. `skipped` are dates that were missed since, and
    `strikes` those on which the connection did not work; `missed` counts the runs in a row that
    were not posted in time. `checked_at` is when its owner was last found in the workspace.
    `version` counts the changes.
    """

    id: str
    owner: Caller
    channel_id: str
    name: str
    schedule: Schedule
    tenant: str
    query: str = ""
    filters: Filters = Filters()
    even_when_quiet: bool = False
    chart: bool = True
    created_at: float = 0
    slot: Slot | None = None
    asked: float = 0
    paused: str = ""
    paused_at: float = 0
    paused_by: str = ""
    notices: int = 0
    notice_at: float = 0
    posted_on: str = ""
    covered_until: float = 0
    skipped: tuple[str, ...] = ()
    strikes: tuple[str, ...] = ()
    missed: int = 0
    checked_at: float = 0
    version: int = 0

    @property
    def next(self) -> Slot | None:
        """The run that comes first: that of the schedule, or the one that was asked for."""
        wanted = Slot(f"now.{self.asked:.0f}", self.asked) if self.asked else None
        return min(filter(None, (self.slot, wanted)), key=lambda slot: slot.at, default=None)

    @property
    def due_at(self) -> float | None:
        """When a worker has something to do: a run, or a notice that it is paused."""
        run = self.next.at if self.next else None
        return min((at for at in (run, self.notice_at or None) if at is not None), default=None)

    @property
    def run(self) -> str:
        """Names what is due; another request for a digest at once makes it another run."""
        return "" if self.due_at is None else f"{self.due_at:.0f}-{self.asked:.0f}"
