"""Buttons and modals: their action ids, and the state that each carries.

An id is the path of the listener's file and a verb. A state is a frozen dataclass; Slack stores it
as the button's `value` or the modal's `private_metadata`: compact JSON, `[version, kind, facts]`.

Never rename an id or a kind while live messages carry it: Slack keeps old messages forever.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic_core import PydanticSerializationError, to_json

from bot.errors import OutdatedButton
from bot.rendering.blockkit.limits import BUTTON_VALUE

JOBS_LIST_ALL = "jobs.list.all"
JOBS_LIST_AGAIN = "jobs.list.again"
JOBS_LIST_SUGGESTION = "jobs.list.suggestion"
JOBS_LIST_WIDER_SECOND = "jobs.list.wider_second"
JOBS_LIST_WIDER_THIRD = "jobs.list.wider_third"
JOBS_LIST_WIDER_FOURTH = "jobs.list.wider_fourth"
JOBS_LIST_WIDER_FIFTH = "jobs.list.wider_fifth"
JOBS_LIST_SUGGESTIONS = (
    JOBS_LIST_SUGGESTION,
    JOBS_LIST_WIDER_SECOND,
    JOBS_LIST_WIDER_THIRD,
    JOBS_LIST_WIDER_FOURTH,
    JOBS_LIST_WIDER_FIFTH,
)
JOBS_LIST_TYPED = "jobs.list.typed"
JOBS_LIST_TYPED_SECOND = "jobs.list.typed_second"
JOBS_LIST_TYPED_THIRD = "jobs.list.typed_third"
JOBS_LIST_TYPES = (JOBS_LIST_TYPED, JOBS_LIST_TYPED_SECOND, JOBS_LIST_TYPED_THIRD)
JOBS_LIST_FIRST = "jobs.list.first"
JOBS_LIST_LAST = "jobs.list.last"
JOBS_LIST_NEXT = "jobs.list.next"
JOBS_LIST_PREVIOUS = "jobs.list.previous"
JOBS_LIST_REFRESH = "jobs.list.refresh"
JOBS_LIST_PAGES = (
    JOBS_LIST_FIRST,
    JOBS_LIST_LAST,
    JOBS_LIST_NEXT,
    JOBS_LIST_PREVIOUS,
    JOBS_LIST_REFRESH,
)
JOBS_GET_OPEN = "jobs.get.open"
JOBS_GET_WHOLE = "jobs.get.whole"
JOBS_GET_NEXT = "jobs.get.next"
JOBS_GET_PREVIOUS = "jobs.get.previous"
JOBS_GET_STEPS = (JOBS_GET_NEXT, JOBS_GET_PREVIOUS)
JOBS_GET_DASHBOARD = "jobs.get.dashboard"
JOBS_GET_CLOSED = "jobs.get.closed"
JOBS_FIND_START = "jobs.find.start"
JOBS_FIND_INSTEAD = "jobs.find.instead"
JOBS_FILTER_EDIT = "jobs.filter.edit"
JOBS_FILTER_START = "jobs.filter.start"
JOBS_FILTER_WORDS = "jobs.filter.words"
JOBS_FILTER_CHANGE = "jobs.filter.change"
JOBS_FILTER_AGENT = "jobs.filter.agent"
JOBS_FILTER_PERIOD = "jobs.filter.period"
JOBS_FILTER_MORE = "jobs.filter.more"
JOBS_FILTER_SUBMIT = "jobs.filter.submit"
JOBS_SEARCH_RESULTS_FIRST = "jobs.search_results.first"
JOBS_SEARCH_RESULTS_LAST = "jobs.search_results.last"
JOBS_SEARCH_RESULTS_NEXT = "jobs.search_results.next"
JOBS_SEARCH_RESULTS_PREVIOUS = "jobs.search_results.previous"
JOBS_SEARCH_RESULTS_REFRESH = "jobs.search_results.refresh"
JOBS_SEARCH_RESULTS_PAGES = (
    JOBS_SEARCH_RESULTS_FIRST,
    JOBS_SEARCH_RESULTS_LAST,
    JOBS_SEARCH_RESULTS_NEXT,
    JOBS_SEARCH_RESULTS_PREVIOUS,
    JOBS_SEARCH_RESULTS_REFRESH,
)
JOBS_RUN_AGAIN_ASK = "jobs.run_again.ask"
JOBS_RUN_AGAIN_SUBMIT = "jobs.run_again.submit"
JOBS_EXPORT_DOWNLOAD = "jobs.export.download"
JOBS_CSV_DOWNLOAD = "jobs.csv.download"
JOBS_CSV_DOWNLOAD_JOBS = "jobs.csv.download_jobs"
JOBS_CSV_DOWNLOAD_SHARED = "jobs.csv.download_shared"
JOBS_LOG_OPEN = "jobs.log.open"
JOBS_LOG_FILTER = "jobs.log.filter"
JOBS_LOG_NEXT = "jobs.log.next"
JOBS_LOG_PREVIOUS = "jobs.log.previous"
JOBS_LOG_TECHNICAL = "jobs.log.technical"
JOBS_LOG_PAGES = (JOBS_LOG_NEXT, JOBS_LOG_PREVIOUS, JOBS_LOG_TECHNICAL)
JOBS_IMPORTS_OPEN = "jobs.imports.open"
JOBS_IMPORTS_NEXT = "jobs.imports.next"
JOBS_IMPORTS_PREVIOUS = "jobs.imports.previous"
JOBS_IMPORTS_PAGES = (JOBS_IMPORTS_NEXT, JOBS_IMPORTS_PREVIOUS)
JOBS_CLEAN_OPEN = "jobs.clean.open"
JOBS_CLEAN_CANCEL = "jobs.clean.cancel"
JOBS_CLEAN_SUBMIT = "jobs.clean.submit"
JOBS_CLEAN_STOP = "jobs.clean.stop"
JOBS_CLEAN_AGAIN = "jobs.clean.ask_again"
JOBS_DELETE_CONFIRM = "jobs.delete.confirm"
JOBS_DELETE_CANCEL = "jobs.delete.cancel"
JOBS_DELETE_MENTIONED_START = "jobs.delete_mentioned.start"
JOBS_DELETE_MENTIONED_ASK = "jobs.delete_mentioned.ask"
JOBS_DELETE_MENTIONED_SELECT = "jobs.delete_mentioned.select"
JOBS_DELETE_MENTIONED_CHOSEN = "jobs.delete_mentioned.chosen"
JOBS_DELETE_MENTIONED_CONFIRM = "jobs.delete_mentioned.confirm"
JOBS_DELETE_IN_CHANNEL_CONFIRM = "jobs.delete_in_channel.confirm"
JOBS_WATCH_START = "jobs.watch.start"
JOBS_WATCH_STOP = "jobs.watch.stop"
JOBS_WATCH_STOP_ONE = "jobs.watch.stop_one"
JOBS_WATCH_START_OPENED = "jobs.watch.start_opened"
JOBS_WATCH_STOP_OPENED = "jobs.watch.stop_opened"
JOBS_SHARE_ASK = "jobs.share.ask"
JOBS_SHARE_CONFIRM = "jobs.share.confirm"
JOBS_SHARE_CANCEL = "jobs.share.cancel"
JOBS_SHARE_NEXT = "jobs.share.next"
JOBS_SHARE_PREVIOUS = "jobs.share.previous"
JOBS_SHARE_PAGES = (JOBS_SHARE_NEXT, JOBS_SHARE_PREVIOUS)
ALERTS_ON_RESUME = "alerts.on.resume"
ALERTS_ON_AGENT = "alerts.on.agent"
ALERTS_ON_OPEN = "alerts.on.open"
ALERTS_ON_SUBMIT = "alerts.on.submit"
ALERTS_OFF_ONE = "alerts.off.one"
ALERTS_MUTE_ONE = "alerts.mute.one"
ALERTS_MUTE_END = "alerts.mute.end"
ALERTS_LIST_JOBS = "alerts.list.jobs"
ALERTS_OPEN_CLAIM = "alerts.open.claim"
ALERTS_OPEN_RESOLVE = "alerts.open.resolve"
ALERTS_OPEN_REOPEN = "alerts.open.reopen"
ALERTS_OPEN_SNOOZE = "alerts.open.snooze"
ALERTS_OPEN_ASK_DATE = "alerts.open.ask_date"
ALERTS_OPEN_SNOOZE_UNTIL = "alerts.open.snooze_until"
ALERTS_OPEN_END_SNOOZE = "alerts.open.end_snooze"
ALERTS_NOTIFY_OPEN = "alerts.notify.open"
ALERTS_NOTIFY_AGENT = "alerts.notify.agent"
ALERTS_NOTIFY_GROUP = "alerts.notify.group"
ALERTS_NOTIFY_SUBMIT = "alerts.notify.submit"
JOBS_SHARE_MENTIONED_ASK = "jobs.share_mentioned.ask"
JOBS_SHARE_MENTIONED_CHOOSE = "jobs.share_mentioned.choose"
JOBS_SHARE_MENTIONED_CHOSEN = "jobs.share_mentioned.chosen"
JOBS_SHARE_MENTIONED_CONFIRM = "jobs.share_mentioned.confirm"
AGENTS_ASK = "agents.ask"
AGENTS_PAUSE = "agents.pause"
AGENTS_RESUME = "agents.resume"
AGENTS_NEXT = "agents.next"
AGENTS_PREVIOUS = "agents.previous"
AGENTS_REFRESH = "agents.refresh"
AGENTS_PAGES = (AGENTS_NEXT, AGENTS_PREVIOUS, AGENTS_REFRESH)
AUDIT_STOP = "audit.stop"
HELP_RUN = "help.run"
HELP_RUN_SECOND = "help.run_second"
HELP_RUN_THIRD = "help.run_third"
HELP_RUN_FOURTH = "help.run_fourth"
HELP_RUNS = (HELP_RUN, HELP_RUN_SECOND, HELP_RUN_THIRD, HELP_RUN_FOURTH)
CONNECT_OPEN = "connect.open"
CONNECT_PORTAL = "connect.portal"
CONNECT_SUBMIT = "connect.submit"
CONNECT_DISCONNECT_ASK = "connect.disconnect_ask"
CONNECT_DISCONNECT_SUBMIT = "connect.disconnect_submit"
CONNECT_DISCONNECT_CONFIRM = "connect.disconnect_confirm"
CONNECT_DISCONNECT_CANCEL = "connect.disconnect_cancel"
DIGEST_DELETE_ASK = "digest.delete.ask"
DIGEST_DELETE_SUBMIT = "digest.delete.submit"
DIGEST_DELETE_CONFIRM = "digest.delete.confirm"
DIGEST_DELETE_CANCEL = "digest.delete.cancel"
DIGEST_EDIT_OPEN = "digest.edit.open"
DIGEST_EDIT_SUBMIT = "digest.edit.submit"
DIGEST_NEW_OPEN = "digest.new.open"
DIGEST_NEW_DAYS = "digest.new.days"
DIGEST_NEW_SUBMIT = "digest.new.submit"
DIGEST_NOW_POST = "digest.now.post"
DIGEST_PAUSE_GO = "digest.pause.go"
DIGEST_PREVIEW_SHOW = "digest.preview.show"
DIGEST_PAUSE_RESUME = "digest.pause.resume"
DIGEST_PAUSE_TAKE_OVER = "digest.pause.take_over"
TENANTS_SWITCH = "tenants.switch"
HOME_OPEN_REFRESH = "home.open.refresh"
HOME_JOBS_FAILED = "home.jobs.failed"
HOME_JOBS_RUNNING = "home.jobs.running"
HOME_JOBS_SEARCH = "home.jobs.search"
HOME_JOBS_FILTER = "home.jobs.filter"
HOME_ALERTS_MUTE = "home.alerts.mute"
HOME_ALERTS_UNMUTE = "home.alerts.unmute"
HOME_ALERTS_RESUME = "home.alerts.resume"
HOME_ALERTS_ASK_OFF = "home.alerts.ask_off"
HOME_ALERTS_OFF = "home.alerts.off"


_VERSION = "1"
_TYPES = {"str": str, "int": int, "bool": bool}


@dataclass(frozen=True)
class ButtonState:
    """Base class of all states. Fields are str, int or bool; default values are not stored.

    Anyone who sees the message can read a state, so it holds ids, never a secret or a long text.
    Raises TypeError if a field has another type.
    """

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        state: Any = type(self)
        for name, expected, _ in _facts_of(state):
            value = getattr(self, name)
            is_other = type(value) is not expected
            if is_other and (not isinstance(value, expected) or isinstance(value, bool)):
                raise TypeError(f"{type(self).__name__}.{name} is a {type(value).__name__}")

    @property
    def value(self) -> str:
        """The state as JSON; raises ValueError if it is longer than Slack accepts."""
        state: Any = type(self)
        facts = {
            name: given
            for name, _, default in _facts_of(state)
            if (given := getattr(self, name)) != default
        }
        value = _to_json([_VERSION, self.kind, facts])
        if len(value) > BUTTON_VALUE:
            raise ValueError(f"the value of a {type(self).__name__} has {len(value)} characters")
        return value


@cache
def _facts_of(state: Any) -> tuple[tuple[str, type, object], ...]:
    """Name, type and default value of each field of a class."""
    return tuple((field.name, _TYPES[str(field.type)], field.default) for field in fields(state))


_to_ascii_json = json.JSONEncoder(separators=(",", ":")).encode


def _to_json(value: object) -> str:
    """ASCII JSON without spaces; pydantic's encoder takes a quarter of the time of `json`'s."""
    with suppress(PydanticSerializationError):  # a lone surrogate
        made = to_json(value)
        if made.isascii():
            return made.decode()
    return _to_ascii_json(value)


AnyButtonState = TypeVar("AnyButtonState", bound=ButtonState)


@dataclass(frozen=True)
class TenantButton(ButtonState):
    kind = "tenant"
    tenant: str


@dataclass(frozen=True)
class ChannelButton(ButtonState):
    kind = "channel"
    channel_id: str


@dataclass(frozen=True)
class DigestButton(ButtonState):
    """A digest; in its form, `tenant` is the user's only one, for which the form has no field."""

    kind = "digest"
    digest_id: str
    tenant: str = ""


@dataclass(frozen=True)
class AlertButton(ButtonState):
    """One alert, or all alerts of the channel if the id is empty.

    `agent`: the name of an agent to use instead of the alert's unknown one; in the form for
    mentions, the id of the agent whose rule it shows. Only that form has `channel_id` and `tenant`.
    """

    kind = "alert"
    alert_id: str
    agent: str = ""
    channel_id: str = ""
    tenant: str = ""


@dataclass(frozen=True)
class SnoozeButton(ButtonState):
    """Failures like that of a job in an alert's message: snooze them until 1h, 4h or tomorrow.

    In the modal that asks for a date, `ts` is the message.
    """

    kind = "snooze"
    alert_id: str
    job_id: str
    until: str = ""
    ts: str = ""


@dataclass(frozen=True)
class AgentButton(ButtonState):
    """An agent; `page` is a page of a tenant's agents, without an id.

    In an alert's menu, whose values are short, the tenant is that of the alert. In the modal that
    asks for a pause, `alert_id` and `ts` are the alert's message, or "".
    """

    kind = "agent"
    tenant: str = ""
    agent_id: str = ""
    alert_id: str = ""
    ts: str = ""
    page: int = 1


@dataclass(frozen=True)
class CleanupButton(ButtonState):
    """A clean-up; `tenant` and `counted` are for the form that asks for the number of jobs.

    `form`: also for that form, the key of the question's origin in FormStore, or "".
    """

    kind = "clean"
    clean_id: str
    tenant: str = ""
    counted: int = 0
    form: str = ""


@dataclass(frozen=True)
class JobButton(ButtonState):
    """One job, and the position of the button.

    `cursor` and `page`: the list that shows the job; `page` alone: a page of an import's
    entries. `group`: the ids of the jobs that the button represents, one per line. `part`: message
    or response, to be shown in full; or "last" for the last job of the page, which has no id here.
    `row`: the job's number in a shared list, from 1; 0 if it is shared alone. `shared_by`: the user
    who shared it.
    """

    kind = "job"
    tenant: str
    job_id: str
    cursor: str = ""
    page: int = 1
    part: str = ""
    row: int = 0
    shared_by: str = ""
    group: str = ""


@dataclass(frozen=True)
class JobsButton(ButtonState):
    """Several jobs, one `tenant/id` per line; in a modal, the question whether to delete them.

    `form`: as in ModalOrigin. `below`: the key of the modal under the question, in the same store.
    """

    kind = "jobs"
    jobs: str
    form: str = ""
    below: str = ""
    is_list: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Tenant and id of each job."""
        lines = (line.partition("/") for line in self.jobs.split("\n"))
        return [(tenant, job_id) for tenant, _, job_id in lines]


@dataclass(frozen=True)
class RunButton(ButtonState):
    """A failed job to run again, in the form; the other fields are those of RunRequest."""

    kind = "run"
    tenant: str
    job_id: str
    seen: int = 0
    channel_id: str = ""
    thread_ts: str = ""


@dataclass(frozen=True)
class ListButton(ButtonState):
    """A page of a list of jobs.

    `query`: the same list in the compact form of `bot.services.filters.form`, used after the cursor
    has expired. `owner`: the user who shared it. `fresh`: read the page again from Emporix.
    """

    kind = "list"
    cursor: str = ""
    page: int = 1
    query: str = ""
    owner: str = ""
    fresh: bool = False


@dataclass(frozen=True)
class SessionButton(ButtonState):
    """A page of a session's log; with `hides_technical`, without the lines for engineers."""

    kind = "session"
    tenant: str
    session_id: str
    page: int = 1
    hides_technical: bool = False


@dataclass(frozen=True)
class ShareButton(ButtonState):
    """One job, or a page of a list if there is a cursor; in a modal, also channel and thread."""

    kind = "share"
    channel_id: str = ""
    thread_ts: str = ""
    tenant: str = ""
    job_id: str = ""
    cursor: str = ""
    page: int = 1


@dataclass(frozen=True)
class WordsButton(ButtonState):
    kind = "words"
    words: str


@dataclass(frozen=True)
class QueryButton(ButtonState):
    """Words and filters as typed; `searched` if they were typed after `jobs search`."""

    kind = "query"
    text: str
    searched: bool = False


@dataclass(frozen=True)
class CommandButton(ButtonState):
    """A command; `line` is the text after /emporix."""

    kind = "command"
    line: str


@dataclass(frozen=True)
class ModalOrigin(ButtonState):
    """The message or list that a modal was opened from.

    `form`: the key of its copy in FormStore; empty if it cannot be changed. `cursor`,
    `page`, `shared_by` and `group` are those of a JobButton. `is_changed`: a job that the modal
    has shown was deleted or watched, so the list must be updated.
    """

    kind = "origin"
    form: str = ""
    channel_id: str = ""
    thread_ts: str = ""
    cursor: str = ""
    page: int = 1
    shared_by: str = ""
    group: str = ""
    is_changed: bool = False


@dataclass(frozen=True)
class FilterFormState(ButtonState):
    """The filter form: values of fields that it does not show, and the list that it changes.

    `list_id`: the key of the list's message in FormStore; "" for a new list. `tenant`: the
    user's only one. `since` and `until`: days of a custom period, to be shown again with it.
    """

    kind = "filter_form"
    list_id: str = ""
    tenant: str = ""
    since: str = ""
    until: str = ""


MAX_GROUP_LENGTH = 1_400
"""Maximum characters of a group in JSON, which leaves space for the rest of a state."""


def group_value(job_ids: Sequence[str], job_id: str = "") -> str:
    """The `group` of these jobs; if there are too many, those around `job_id`, or the first."""
    start = job_ids.index(job_id) if job_id in job_ids else 0
    near = sorted(range(len(job_ids)), key=lambda place: abs(place - start))
    kept, room = list[int](), MAX_GROUP_LENGTH
    for place in near:
        room -= len(_to_json(job_ids[place]))
        if room < 0:
            break
        kept.append(place)
    return "\n".join(job_ids[place] for place in sorted(kept))


BUTTON_STATES: tuple[type[ButtonState], ...] = (
    TenantButton,
    ChannelButton,
    DigestButton,
    AlertButton,
    SnoozeButton,
    AgentButton,
    CleanupButton,
    JobButton,
    JobsButton,
    RunButton,
    ListButton,
    SessionButton,
    ShareButton,
    WordsButton,
    QueryButton,
    CommandButton,
    ModalOrigin,
    FilterFormState,
)


def decode(value: str, state: type[AnyButtonState]) -> AnyButtonState:
    """The state with this `value`. Unknown facts are ignored, and missing ones get their defaults.

    Raises OutdatedButton for any other text, including the state of another class.
    """
    match _parsed(value):
        case [str(version), str(kind), dict(facts)] if (version, kind) == (_VERSION, state.kind):
            names = {field.name for field in fields(state)} & facts.keys()
            with suppress(TypeError):
                return state(**{name: facts[name] for name in names})
    raise OutdatedButton


def cursor_in(*values: str) -> tuple[str, str]:
    """The first cursor in these values, and the user who shared it; "" for either if unknown.

    The values can be states of any kind.
    """
    for value in values:
        match _parsed(value):
            case [_, _, {"cursor": str(cursor), **others}]:
                return cursor, str(others.get("shared_by", ""))
    return "", ""


def sharer_in(values: Iterable[str]) -> str:
    """The user who shared the jobs of these buttons of any kind; "" if they weren't shared."""
    for value in values:
        match _parsed(value):
            case [_, _, {"shared_by": str(user_id)}] | [_, _, {"owner": str(user_id)}]:
                return user_id
    return ""


def _parsed(value: str) -> Any:
    # Deep nesting raises RecursionError, not ValueError.
    try:
        return json.loads(value) if len(value) <= BUTTON_VALUE else None
    except (ValueError, RecursionError):
        return None
