"""Verifies that requests come from Slack, and parses their bodies."""

from __future__ import annotations

import hmac
import json
import re
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Required, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from typing_extensions import TypedDict
from yarl import query_to_pairs

MAX_REQUEST_BYTES = 1_000_000
MAX_TIMESTAMP_AGE_SECONDS = 5 * 60  # Slack recommends 5 minutes, against replay attacks
MAX_CHECK_BYTES = 1000

TIMESTAMP, SIGNATURE = b"x-slack-request-timestamp", b"x-slack-signature"

_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_SIGNATURE = re.compile(rb"v0=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Rejection:
    """An HTTP status and a reason, for the client and the log."""

    status: int
    reason: str


TOO_LONG = Rejection(413, "the body is too long")


class RequestVerifier:
    """Checks Slack's signature (v0: HMAC-SHA256 of version, timestamp and body).

    A signature by any of `signing_secrets` is valid; two are in use while a secret is replaced.
    Header names are in lower case.
    """

    def __init__(self, signing_secrets: Sequence[str], clock: Callable[[], float]) -> None:
        self._secrets = tuple(secret.encode() for secret in signing_secrets)
        self._clock = clock

    def verify_headers(self, headers: Mapping[bytes, bytes]) -> Rejection | None:
        """A reason to refuse the request before its body is read; None if it may be from Slack."""
        timestamp = headers.get(TIMESTAMP, b"")
        signature = headers.get(SIGNATURE, b"")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            return Rejection(400, "the request is not signed by Slack")
        if abs(self._clock() - int(timestamp)) > MAX_TIMESTAMP_AGE_SECONDS:
            return Rejection(401, "the request is too old")
        return TOO_LONG if content_length(headers) > MAX_REQUEST_BYTES else None

    def verify_body(self, headers: Mapping[bytes, bytes], body: bytes) -> Rejection | None:
        """A reason to refuse a request that passed `verify_headers`; None if it is from Slack."""
        signed = b"v0:%b:%b" % (headers[TIMESTAMP], body)
        given = headers[SIGNATURE]
        made = [b"v0=" + hexlify(hmac.digest(one, signed, "sha256")) for one in self._secrets]
        if not any(hmac.compare_digest(one, given) for one in made):
            return Rejection(401, "invalid signature")
        try:
            body.decode()
        except UnicodeDecodeError:
            return Rejection(400, "the body is not UTF-8")
        return None


def may_be_certificate_check(headers: Mapping[bytes, bytes]) -> bool:
    """Whether this may be Slack's occasional certificate check: a small unsigned form."""
    return SIGNATURE not in headers and 0 < content_length(headers) <= MAX_CHECK_BYTES


def is_certificate_check(body: bytes) -> bool:
    """Whether the body is Slack's certificate check: `ssl_check=1&token=…`."""
    return b"ssl_check=1" in body.split(b"&")


def content_length(headers: Mapping[bytes, bytes]) -> int:
    """The declared length of the body in bytes; 0 if there is none."""
    said = headers.get(b"content-length", b"")
    return int(said) if said.isdigit() else 0


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Id: TypeAlias = str | None
_STRICT = with_config(ConfigDict(strict=True))


@_STRICT
class _Named(TypedDict, total=False):
    """An object with an id: a user, team or channel."""

    id: Id
    team_id: Id
    enterprise_id: Id


@_STRICT
class _Option(TypedDict, total=False):
    value: Required[str]


@_STRICT
class _Element(TypedDict, total=False):
    """The value of a field."""

    type: Id
    value: Any
    selected_date: Id
    selected_time: Id
    selected_conversation: Id
    selected_option: _Option | None
    selected_options: list[_Option] | None


@_STRICT
class _ClickedElement(_Element, total=False):
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
    """User ids by type of token."""

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
    """All fields that Bolt or this app reads from requests of any type; others are ignored."""

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
    actions: Annotated[list[_ClickedElement], Field(min_length=1)]
    event: _Event
    response_urls: list[_ResponseUrl]
    authorizations: list[_Authorization] | None


_FIELDS = TypeAdapter(_Fields)

_MAIN_FIELD_BY_TYPE = {
    "block_actions": "actions",
    "view_submission": "view",
    "view_closed": "view",
    "message_action": "message",
    "event_callback": "event",
}
"""The field with the main object of each type of request."""


def parse_body(body: str) -> dict[str, Any]:
    """The fields of a request from Slack, with invalid characters replaced.

    Raises ValueError if a field that the app reads is missing or has an unexpected type. Bolt
    parses requests too, but treats every form that contains the word "payload" as one with that
    field, so `/emporix jobs search payload` would reach no listener.
    """
    is_json = body.startswith("{")
    form = {} if is_json else dict(query_to_pairs(body))
    if not is_json and "payload" not in form:
        fields: Any = form
    else:
        fields = _decoded(body if is_json else form["payload"])
    _FIELDS.validate_python(fields)
    if (carried := _MAIN_FIELD_BY_TYPE.get(fields.get("type"))) and not fields.get(carried):
        raise ValueError(f"{carried} is missing")
    return dict(fields)


def _decoded(text: str) -> Any:
    """Decode JSON, and replace lone surrogates, which can't be encoded later."""
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


class StaticAuthorization(AsyncAuthorize):
    """Bolt's `authorize` for an app in one workspace, answered from memory.

    It is a class because Bolt inspects the parameter names of a function on each call.
    """

    def __init__(self, bot_token: str) -> None:
        self._bot_token = bot_token

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            bot_token=self._bot_token,
        )
