"""Signed raw requests as Slack sends them, for tests below the level of user actions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.domain.times import Clock
from sandbox.slack.delivery import signed

FORM = "application/x-www-form-urlencoded"
SETTLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts requests to the bot at `url`, signed with `secret` at the time of `clock`."""

    http: httpx.AsyncClient
    url: str
    secret: str
    clock: Clock

    def headers(self, body: bytes) -> dict[str, str]:
        return signed(self.secret, int(self.clock()), body)

    async def post(self, body: bytes, content_type: str = FORM) -> httpx.Response:
        """Post any body with a valid signature."""
        headers = {"Content-Type": content_type, **self.headers(body)}
        return await self.http.post(f"{self.url}/slack/events", content=body, headers=headers)

    async def command(self, fields: Mapping[str, str]) -> httpx.Response:
        return await self.post(urlencode(fields).encode())

    async def interaction(self, payload: Mapping[str, Any]) -> httpx.Response:
        """Post an interaction: JSON in a form."""
        return await self.post(urlencode({"payload": json.dumps(payload)}).encode())

    async def event(self, envelope: Mapping[str, Any]) -> httpx.Response:
        """Post an event: plain JSON."""
        return await self.post(json.dumps(envelope).encode(), "application/json")

    async def settled(self) -> None:
        """Wait until the bot has no running tasks, which /healthz reports."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while (await self.http.get(f"{self.url}/healthz")).json()["running"]:  # noqa: ASYNC110 - its own counter
                await asyncio.sleep(0.01)
