"""A stand-in for Slack that accepts everything and reports the app's replies to the benchmark.

`uvicorn bench.stand_ins.slack:app` has these endpoints:

POST /answers/{id}   a response_url
GET  /answers        a stream with a line of JSON for each reply: its id and text
GET  /last           the complete newest reply
POST /api/…          the Web API; a filled modal counts as the reply to its trigger_id
"""

from __future__ import annotations

import asyncio
import json

from starlette.types import Receive, Scope, Send

ANSWERS = "/answers"
_last = b""
_listeners: set[asyncio.Queue[bytes]] = set()

TAKEN = b"ok"
VIEW = b'{"ok": true, "view": {"id": "V%s", "hash": "1", "blocks": []}}'
SUCCEEDED = b"*Succeeded*"
"""In the modal of the job that the stand-in for Emporix returns; not in an error."""

OPENED_JOB = b'{"text": "Job"}'
USER = b'{"ok": true, "user": {"id": "U0BENCH", "tz": "Europe/Berlin"}}'
AUTH_TEST = b'{"ok": true, "url": "", "user_id": "U0BOT", "team_id": "T0BENCH", "bot_id": "B0BOT"}'


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    path: str = scope["path"]
    if path == ANSWERS:
        await _tell(send)
    elif path.startswith(ANSWERS):
        _note(path.rpartition("/")[2], await request_body(receive))
        await _answer(send, b"text/plain", TAKEN)
    elif path == "/api/views.open":
        number = json.loads(await request_body(receive))["trigger_id"].partition(".")[0]
        await _answer(send, b"application/json", VIEW % number.encode())
    elif path == "/api/views.update":
        body = await request_body(receive)
        number = json.loads(body)["view_id"].removeprefix("V")
        _note(number, OPENED_JOB if SUCCEEDED in body else b"{}")
        await _answer(send, b"application/json", VIEW % number.encode())
    elif path == "/last":
        await _answer(send, b"application/json", _last)
    else:
        user = path == "/api/users.info"
        await _answer(send, b"application/json", USER if user else AUTH_TEST)


def _note(answer_id: str, body: bytes) -> None:
    global _last
    _last = body
    line = json.dumps({"id": answer_id, "text": json.loads(body).get("text", "")}).encode() + b"\n"
    for listener in _listeners:
        listener.put_nowait(line)


async def _tell(send: Send) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _listeners.add(queue)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"\n", "more_body": True})
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        _listeners.discard(queue)


async def request_body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _answer(send: Send, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
