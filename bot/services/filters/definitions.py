"""The supported filters: their names, how their values are parsed, and their help texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.services.filters import values
from bot.services.filters.values import parse_when

RAW_QUERY = "q"

MAX_FILTER_SIZE = 12
MAX_FILTER_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Filter:
    """`key` is what it fills in; where that is a tuple, typing it again adds to it.

    `narrows`: which jobs fit depends on it, so it cannot stand beside `q:`.
    """

    name: str
    key: str
    read: Callable[[values.Values], object]
    example: str
    meaning: str
    narrows: bool = False


ALL_FILTERS = (
    Filter(
        "status",
        "statuses",
        values.one_of("status", values.STATUS_NAMES, "status"),
        "status:failed, skipped",
        "Any of these: success (ok, succeeded), failure (failed, error), in_progress (running), "
        "skipped. In front of all other words of jobs or jobs list, failed, running, ok and so on "
        'mean the status without status:, too; in quotes, "failed" is a word to look for.',
        narrows=True,
    ),
    Filter(
        "type",
        "types",
        values.one_of("type", values.TYPE_NAMES, "type"),
        "type:export",
        "Any of agent_chat (chat), import, export.",
        narrows=True,
    ),
    Filter(
        "agent",
        "agents",
        values.as_typed,
        'agent:"Complaint Agent"',
        "An agent's name or id. What no agent is called is taken for an id: jobs outlive agents.",
        narrows=True,
    ),
    Filter(
        "agent-type",
        "agent_types",
        values.one_of("agent type", values.AGENT_TYPE_NAMES, "agentType"),
        "agent-type:complaint",
        "Any of generic, complaint, anti_fraud (fraud).",
        narrows=True,
    ),
    Filter(
        "event",
        "events",
        values.as_typed,
        "event:order.order-created",
        "The commerce event that started the agent.",
        narrows=True,
    ),
    Filter(
        "session",
        "sessions",
        values.as_typed,
        "session:123e4567-e89b-12d3-a456-426614174000",
        "The id of the agent's session.",
        narrows=True,
    ),
    Filter(
        "since",
        "since",
        parse_when,
        "since:monday",
        "Created then or later: 30m, 24h, 7d, 2w ago; today, yesterday, the last monday to sunday; "
        "2026-11-01 or 2026-11-01T10:30. Days are those of your time zone in Slack.",
        narrows=True,
    ),
    Filter(
        "until",
        "until",
        parse_when,
        "until:2026-11-01",
        "Created before; that whole day is included.",
        narrows=True,
    ),
    Filter(
        "sort",
        "sort",
        values.sort,
        "sort:oldest",
        "newest (as long as you do not say), oldest, modified, or fields like agentId:ASC.",
    ),
    Filter(
        "size", "size", values.number("size", MAX_FILTER_SIZE), "size:5", "Jobs a page, 1 to 12."
    ),
    Filter(
        "page", "page", values.number("page", MAX_FILTER_PAGE), "page:3", "The page to begin with."
    ),
    Filter(
        "tenant",
        "tenant",
        values.tenant,
        "tenant:acme",
        "One of your connected tenants, instead of your default.",
    ),
    Filter(
        "fields",
        "fields",
        values.fields,
        "fields:status,message",
        "Only these fields of each job.",
    ),
    Filter(
        RAW_QUERY,
        "raw_q",
        values.as_typed,
        "q:status:FAILURE message:exists",
        "All that follows goes to Emporix as it is, in its own query language. It stands alone: "
        "beside it only page:, size:, sort:, fields: and tenant:, and these in front of it.",
    ),
)

FILTERS_BY_NAME = {known.name: known for known in ALL_FILTERS if known.name != RAW_QUERY}
