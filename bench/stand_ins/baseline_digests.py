"""Baseline for digests: only the calls, the report, its message and the post.

`uvicorn bench.stand_ins.baseline_digests:app` responds to GET /<tenants>/<digests> with the CPU
seconds it took. Settings: EMPORIX_API_URL, SLACK_API_URL, SLACK_BOT_TOKEN.
"""

from __future__ import annotations

import os
import time
from typing import Any, cast

import httpx
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.stand_ins.tenants import tenant_name
from bench.stored_digests import digest
from bench.stored_users import SCOPES
from bot.domain.accounts import Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import JobPage, RequestLog
from bot.emporix.client import list_params, parse_page_response
from bot.emporix.http import http_client
from bot.emporix.models import parse_request_log
from bot.emporix.query import ALL_TIMES, TimeRange, by_request, to_q
from bot.rendering.renderer import Renderer
from bot.services.digests.lifecycle import ReportWindow
from bot.services.digests.report import DigestReports, Report
from bot.services.session_logs import ErrorLines

DAY_SECONDS = 24 * 60 * 60.0
HEADERS = {"X-Total-Count": "true", "Authorization": "Bearer token"}
RENDERER = Renderer.default()


class BareCalls:
    """Lists jobs and reads logs without retries, permission checks or agent names."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange = ALL_TIMES
    ) -> JobPage:
        params = {**list_params(filters), "q": to_q(filters, part)}
        path = f"/ai-service/{connection.tenant}/jobs"
        return parse_page_response(
            await self._http.get(path, params=params, headers=HEADERS), filters
        )

    async def find_request_log(self, connection: Connection, request_id: str) -> RequestLog:
        path = f"/ai-service/{connection.tenant}/agentic/logs/requests"
        params = {"q": by_request(request_id), "pageSize": "1"}
        answer = await self._http.get(path, params=params, headers=HEADERS)
        return parse_request_log(answer.json(), request_id)


async def _run(request: Request) -> Response:
    tenants, digests = request.path_params["tenants"], request.path_params["digests"]
    slack = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    begun = time.process_time()
    async with http_client(os.environ["EMPORIX_API_URL"]) as http:
        calls = cast("Any", BareCalls(http))
        reports = DigestReports(calls, ErrorLines(calls, time.time), time.time)
        read = [await _report(reports, number) for number in range(tenants)]
        for number in range(digests):
            await _post(slack, number, read[number % tenants])
    return PlainTextResponse(str(time.process_time() - begun))


async def _report(reports: DigestReports, number: int) -> Report:
    owned, now = digest(number, 0, owners=1, channels=1), time.time()
    held = Connection(owned.owner, tenant_name(number), Credentials("id", "secret"), SCOPES, now)
    window = ReportWindow(now - 2 * DAY_SECONDS, now - DAY_SECONDS, now)
    return await reports.read(held, Filters(), window)


def message_of(number: int, report: Report) -> dict[str, Any]:
    """Return the message that the app would post."""
    facts: dict[str, Any] = {"digest": digest(number, 0, owners=1, channels=1), "report": report}
    facts |= {"history": None, "skipped": (), "late_for": None, "unclaimed": ()}
    message: dict[str, Any] = RENDERER.render("digest/post", **facts)
    return message


async def _post(slack: AsyncWebClient, number: int, report: Report) -> None:
    posted = await slack.chat_postMessage(channel="C0BARE", **message_of(number, report))
    if report.thread:
        rest: dict[str, Any] = RENDERER.render("digest/post.rest", report=report, zone="")
        await slack.chat_postMessage(channel="C0BARE", thread_ts=str(posted["ts"]), **rest)


app = Starlette(routes=[Route("/{tenants:int}/{digests:int}", _run)])
