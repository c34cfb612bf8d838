"""A complete HTTP response in memory, so that its size can be checked and faults can be applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Scope, Send

from sandbox.emporix.errors import ApiError

PROXY_PAGE = """<html>
<head><title>{title}</title></head>
<body>
<center><h1>{title}</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class BufferedResponse:
    """A response whose `headers` are in ASGI format: pairs of bytes with lower-case names."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> BufferedResponse:
        return cls(response.status_code, list(response.raw_headers), bytes(response.body))

    def with_body(self, body: bytes, status: int) -> BufferedResponse:
        """Replace the body and correct the Content-Length header."""
        kept = [header for header in self.headers if header[0] != b"content-length"]
        return BufferedResponse(status, [*kept, (b"content-length", str(len(body)).encode())], body)

    def with_headers(self, headers: Mapping[str, str]) -> BufferedResponse:
        more = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return BufferedResponse(self.status, self.headers + more, self.body)

    async def send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


async def buffer(app: ASGIApp, scope: Scope, body: bytes) -> BufferedResponse:
    """Run `app` on a request whose body was already read, and collect its response."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    start, *rest = said
    return BufferedResponse(
        start["status"], list(start["headers"]), b"".join(part.get("body", b"") for part in rest)
    )


def error_response(refusal: ApiError) -> JSONResponse:
    return JSONResponse(refusal.body, refusal.status, refusal.headers)


def proxy_page(status: int, title: str) -> HTMLResponse:
    """Return the error page of a proxy in front of the service."""
    return HTMLResponse(PROXY_PAGE.format(title=f"{status} {title}"), status)
