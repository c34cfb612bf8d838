"""A user who acts in a channel, and the common fields of payloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.slack.directory import APP_ID, TEAM_DOMAIN, TEAM_ID, Channel, User
from sandbox.slack.workspace import Workspace

VERIFICATION_TOKEN = "sandbox-verification-token"


@dataclass(frozen=True, slots=True)
class Actor:
    """A `user` acting in `channel`; `slack_url` is the app's address of Slack."""

    workspace: Workspace
    slack_url: str
    user: User
    channel: Channel

    def response_url(self, original: str = "", *, of_shortcut: bool = False) -> str:
        """Create a response_url; `original` is the timestamp of the clicked message."""
        urls = self.workspace.response_urls
        kind = "app" if of_shortcut else ""
        return self.slack_url + urls.new(self.user.id, self.channel.id, original, kind=kind)

    def trigger_id(self, view_id: str = "") -> str:
        return self.workspace.triggers.new(self.user.id, view_id, self.channel.id)

    def introduction(self, view_id: str = "") -> dict[str, Any]:
        """Return the fields that all interaction payloads start with.

        `view_id` is the modal, if any.
        """
        return {
            "user": {
                "id": self.user.id,
                "username": self.user.name,
                "name": self.user.name,
                "team_id": TEAM_ID,
            },
            "api_app_id": APP_ID,
            "token": VERIFICATION_TOKEN,
            "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.trigger_id(view_id),
        }
