"""A Bolt app as in its documentation, with an empty listener: the baseline of the app.

    uvicorn bench.stand_ins.stock_bolt:default      all settings at their defaults
    uvicorn bench.stand_ins.stock_bolt:in_process   process_before_response=True

Settings: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET and, for auth.test, SLACK_API_URL.
"""

from __future__ import annotations

import os

from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import SLASH_COMMAND


def _app(*, process_before_response: bool = False) -> AsyncSlackRequestHandler:
    token = os.environ["SLACK_BOT_TOKEN"]
    app = AsyncApp(
        client=AsyncWebClient(token, base_url=os.environ["SLACK_API_URL"]),
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        process_before_response=process_before_response,
    )
    app.command(SLASH_COMMAND)(_acknowledge)
    return AsyncSlackRequestHandler(app)


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


default = _app()
in_process = _app(process_before_response=True)
