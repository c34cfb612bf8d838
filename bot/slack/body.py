"""What a signed body says: a form, JSON in the `payload` of a form, or JSON."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Required, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict
from yarl import query_to_pairs

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Id: TypeAlias = str | None
_STRICT = with_config(ConfigDict(strict=True))


@_STRICT
class _Named(TypedDict, total=False):
    """A person, a team, a channel: what has an id."""

    id: Id
    team_id: Id
    enterprise_id: Id


@_STRICT
class _Option(TypedDict, total=False):
    value: Required[str]


@_STRICT
class _Element(TypedDict, total=False):
    """What was filled into a field."""

    type: Id
    value: Any
    selected_date: Id
    selected_time: Id
    selected_conversation: Id
    selected_option: _Option | None
    selected_options: list[_Option] | None


@_STRICT
class _Pressed(_Element, total=False):
    action_id: Required[str]
    block_id: Id


@_STRICT
class _State(TypedDict, total=False):
    values: dict[str, dict[str, _Element]] | None


@_STRICT
class _View(TypedDict, total=False):
    id: Required[str]
    type: Required[str]
    team_id: Id
    app_installed_team_id: Id
    callback_id: Id
    private_metadata: Id
    hash: Id
    blocks: list[dict[str, Any]] | None
    state: _State | None


@_STRICT
class _Message(TypedDict, total=False):
    ts: Id
    thread_ts: Id
    text: Id
    app_id: Id
    blocks: list[dict[str, Any]] | None


@_STRICT
class _Tokens(TypedDict, total=False):
    """User ids by kind of token."""

    bot: list[str] | None


@_STRICT
class _Event(TypedDict, total=False):
    type: Required[str]
    user: str | _Named | None
    channel: str | _Named | None
    team: str | _Named | None
    user_team: Id
    source_team: Id
    tokens: _Tokens | None
    tab: Id
    view: _View | None


@_STRICT
class _Authorization(TypedDict, total=False):
    enterprise_id: Id
    team_id: Id
    user_id: Id


@_STRICT
class _Container(TypedDict, total=False):
    message_ts: Id
    channel_id: Id
    view_id: Id


@_STRICT
class _ResponseUrl(TypedDict, total=False):
    response_url: Id
    channel_id: Id


@_STRICT
class _Fields(TypedDict, total=False):
    """All that Bolt or this app reads of a request, of whatever kind; others are passed over."""

    type: Id
    command: Id
    text: Id
    value: Any
    trigger_id: Id
    event_id: Id
    response_url: Id
    callback_id: Id
    action_id: Id
    block_id: Id
    api_app_id: Id
    channel_id: Id
    user_id: Id
    team_id: Id
    enterprise_id: Id
    message_ts: Id
    team: str | _Named | None
    enterprise: str | _Named | None
    user: str | _Named | None
    channel: str | _Named | None
    container: _Container | None
    message: _Message | None
    view: _View | None
    actions: Annotated[list[_Pressed], Field(min_length=1)]
    event: _Event
    response_urls: list[_ResponseUrl]
    authorizations: list[_Authorization] | None


_FIELDS = TypeAdapter(_Fields)

_CARRIES = {
    "block_actions": "actions",
    "view_submission": "view",
    "view_closed": "view",
    "message_action": "message",
    "event_callback": "event",
}
"""What a request of this type is about."""


def parse(body: str) -> dict[str, Any]:
    """The fields of a request of Slack's; raises ValueError where there are none to read, or one
    that is read is of another type than Slack sends. What cannot be encoded is replaced.

    Bolt does this too, but takes every form that contains the word for one with a `payload`:
    `/emporix jobs search payload` would reach nobody.
    """
    is_json = body.startswith("{")
    form = {} if is_json else dict(query_to_pairs(body))
    if not is_json and "payload" not in form:
        fields: Any = form
    else:
        fields = _decoded(body if is_json else form["payload"])
    _FIELDS.validate_python(fields)
    if (carried := _CARRIES.get(fields.get("type"))) and not fields.get(carried):
        raise ValueError(f"{carried} is missing")
    return dict(fields)


def _decoded(text: str) -> Any:
    """JSON may escape half of a surrogate pair, which nothing after this could encode."""
    try:
        fields = json.loads(text)
        return _encodable(fields) if "\\ud" in text.lower() else fields
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    return value
