"""User groups are cached for each workspace."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.slack.request import SlackRequest
from bot.slack.users import UserGroups, user_group_cache


class Groups(AsyncWebClient):
    """Answers usergroups.list with one group of each workspace."""

    async def usergroups_list(self, **given: Any) -> Any:
        return {"usergroups": [{"id": f"S{given['team_id']}", "handle": "ops"}]}


def request(team_id: str) -> SlackRequest:
    caller = Caller(team_id, "U0ADA")
    return SlackRequest(caller, "", "", "", "", None, "", None, Groups(), "", asyncio.Event())


async def test_finds_user_groups_while_they_expire() -> None:
    """Each workspace has its own user groups, also if an entry expires while it is read."""
    times = count(0.0, 25.0)
    cache = user_group_cache(lambda: next(times))
    for team_id in ["T1", "T2", "T1"] * 10:
        found = await UserGroups(cache, request(team_id)).find()
        assert found.names == {f"S{team_id}": "@ops"}
