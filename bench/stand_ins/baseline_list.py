"""Baseline for a list: only its two HTTP calls, with the app's clients.

`uvicorn bench.stand_ins.baseline_list:app` responds to GET /<count>/<concurrency> with the rate.
Settings: EMPORIX_API_URL, and SLACK_URL, whose newest message is posted.
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp
import httpx
from slack_sdk.webhook.async_client import AsyncWebhookClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.comparison import rate
from bench.stand_ins.emporix import TENANT
from bot.domain.filters import Filters
from bot.emporix.client import list_params
from bot.emporix.http import http_client

SLACK_URL = os.environ["SLACK_URL"]
HEADERS = {"Emporix-Tenant": TENANT, "X-Total-Count": "true", "Authorization": "Bearer token"}


async def _run(request: Request) -> Response:
    pairs, at_once = request.path_params["pairs"], request.path_params["at_once"]
    async with (
        http_client(os.environ["EMPORIX_API_URL"]) as emporix,
        aiohttp.ClientSession() as slack,
    ):
        async with slack.get(f"{SLACK_URL}/last") as answer:
            message = await answer.json()

        async def pair(number: int) -> None:
            await _pair(emporix, slack, message)

        found = await rate(pair, range(pairs), at_once)
    return PlainTextResponse(str(found))


async def _pair(
    emporix: httpx.AsyncClient, slack: aiohttp.ClientSession, message: dict[str, Any]
) -> None:
    path = f"/ai-service/{TENANT}/jobs"
    page = await emporix.get(path, params=list_params(Filters()), headers=HEADERS)
    taken = await AsyncWebhookClient(f"{SLACK_URL}/answers/bare", session=slack).send_dict(message)
    if not page.is_success or taken.status_code != 200:
        raise RuntimeError("a stand-in has refused")


app = Starlette(routes=[Route("/{pairs:int}/{at_once:int}", _run)])
