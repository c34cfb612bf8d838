"""Checks that a request belongs to the app's own installation, workspace and users."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import NotOurs
from bot.slack.errors import SLACK_ERRORS, error_name, refuses_token, retry_seconds

logger = logging.getLogger(__name__)

IDENTIFY_TIMEOUT_SECONDS = 1.5
"""The timeout for reading the identity; Slack waits 3 s for the response to a request."""

IDENTIFY_RETRY_SECONDS = 5.0

APP_EVENTS = {"app_uninstalled", "tokens_revoked"}

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """The workspace and app of the bot token; `enterprise_id` and `app_id` may be empty."""

    team_id: str
    enterprise_id: str
    app_id: str


class Installation:
    """Checks requests against the bot token's identity, which is read from Slack once.

    `allow_outsiders`: users from other organizations in shared channels may use the app too.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders
        self._identity: Identity | None = None
        self._lock, self._asked_at = asyncio.Lock(), float("-inf")

    async def identify(self) -> Identity | None:
        """The identity, read from Slack if necessary; None if it is unknown.

        After a failure, Slack is not asked again for IDENTIFY_RETRY_SECONDS.
        """
        async with self._lock:
            if self._identity or time.monotonic() - self._asked_at < IDENTIFY_RETRY_SECONDS:
                return self._identity
            self._asked_at = time.monotonic()
            try:
                async with asyncio.timeout(IDENTIFY_TIMEOUT_SECONDS):
                    self._identity = await self._read_identity()
            except SLACK_ERRORS as error:
                logger.warning("the workspace of the bot token is unknown: %s", error_name(error))
            return self._identity

    async def team_id(self) -> str:
        """The bot token's current workspace, from auth.test; "" if Slack rejects the token.

        Raises SlackApiError if the workspace can't be determined at the moment.
        """
        try:
            answer = await self._client.auth_test()
        except SlackApiError as error:
            if not refuses_token(error) and retry_seconds(error) is not None:
                raise
            return ""
        return str(answer["team_id"])

    async def admit(self, body: Body) -> None:
        """Raises NotOurs for a request from another workspace, another app, or an outsider.

        With a revoked token the workspace is unknown. Events about the app itself are still
        admitted: they are signed with the app's secret and name their workspace.
        """
        ours = self._identity or await self.identify()
        if ours is None:
            if (body.get("event") or {}).get("type") in APP_EVENTS:
                return
            raise NotOurs("unknown")
        app_id = str(body.get("api_app_id") or "")
        if ours.app_id and app_id and app_id != ours.app_id:
            raise NotOurs("app")
        if not _is_within(ours, _installed_in(body), _enterprise(body)):
            raise NotOurs("team")
        if not self._allow_outsiders and not _is_member(ours, body):
            raise NotOurs("outsider")

    def admit_member(self, body: Body) -> None:
        """Raises NotOurs for an outsider, whatever the operator allows. Call `admit` first."""
        if self._identity is None or not _is_member(self._identity, body):
            raise NotOurs("member")

    def in_own_team(self, caller: Caller) -> Caller:
        """The same user with the app's own workspace id, if it is known."""
        if self._identity is None:
            return caller
        return Caller(self._identity.team_id, caller.user_id, self._identity.enterprise_id)

    async def _read_identity(self) -> Identity:
        """Read the workspace and the bot from auth.test."""
        answer = await self._client.auth_test()
        app_id = await self._app_of(str(answer.get("bot_id") or ""))
        return Identity(str(answer["team_id"]), str(answer.get("enterprise_id") or ""), app_id)

    async def _app_of(self, bot_id: str) -> str:
        """The app's id from bots.info (scope users:read); "" without the scope.

        Without the id, requests from other apps are not refused, but they would have to be signed
        with this app's secret.
        """
        try:
            bot = await self._client.bots_info(bot=bot_id)
        except SlackApiError as error:
            logger.warning("the app of the bot token is unknown: %s", error_name(error))
            return ""
        return str((bot.get("bot") or {}).get("app_id") or "")


def _is_member(ours: Identity, body: Body) -> bool:
    return _is_within(ours, _team_of_user(body), _enterprise(body))


def _is_within(ours: Identity, team_id: str, enterprise_id: str) -> bool:
    """Whether the team is the app's own.

    In Enterprise Grid, a request may have no team, or the organization's id instead.
    """
    if team_id:
        return team_id in (ours.team_id, ours.enterprise_id)
    return bool(enterprise_id) and enterprise_id == ours.enterprise_id


def _installed_in(body: Body) -> str:
    """The workspace of the installation that received the request.

    Slack: views have `app_installed_team_id` and events `authorizations`; in a shared channel their
    other ids may be those of another organization.
    """
    view = body.get("view") or {}
    authorized: Body = next(iter(body.get("authorizations") or ()), {})
    found = view.get("app_installed_team_id") or authorized.get("team_id") or _team(body)
    return str(found or "")


def _team_of_user(body: Body) -> str:
    """The workspace of the acting user, or that of the request if Slack doesn't say.

    Slack: `app_home_opened` has no team for its user. Its `team_id` is where the event happened,
    and `authorizations` name the app's workspace, regardless of the user.
    """
    event = body.get("event")
    if event is not None:
        happened_in = body.get("team_id") if event.get("type") == "app_home_opened" else ""
        acts = event.get("user_team") or event.get("source_team") or happened_in
        return str(acts or _installed_in(body))
    user = body.get("user")
    theirs = user.get("team_id") if isinstance(user, Mapping) else ""
    return str(theirs or _team(body) or "")


def _team(body: Body) -> str:
    team = body.get("team")
    return str((team.get("id") if isinstance(team, Mapping) else body.get("team_id")) or "")


def _enterprise(body: Body) -> str:
    enterprise = body.get("enterprise")
    found = enterprise.get("id") if isinstance(enterprise, Mapping) else body.get("enterprise_id")
    return str(found or "")
