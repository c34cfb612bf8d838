"""The gateway's size limits."""

from __future__ import annotations

import httpx

from sandbox.emporix.state import EmporixState

JOBS = "/ai-service/acme/jobs"
MEGABYTE = 1024 * 1024


def code(answer: httpx.Response) -> str:
    found: str = answer.json()["fault"]["detail"]["errorcode"]
    return found


async def test_long_url(acme: httpx.AsyncClient) -> None:
    """A query string above 10 KB is a 414; the same query works in a body."""
    q = 'agentId:("' + '","'.join(["x" * 100] * 110) + '")'
    listed = await acme.get(JOBS, params={"q": q})
    searched = await acme.post(f"{JOBS}/search", json={"q": q})
    assert (listed.status_code, code(listed)) == (414, "protocol.http.TooBigLine")
    assert searched.status_code == 200


async def test_large_headers(acme: httpx.AsyncClient) -> None:
    """Headers above 60 KB are a 431."""
    answer = await acme.get(JOBS, headers={"X-Padding": "x" * 61 * 1024})
    assert (answer.status_code, code(answer)) == (431, "protocol.http.TooBigHeaders")


async def test_large_request(acme: httpx.AsyncClient) -> None:
    """A body above 10 MB is a 413, and the next request works."""
    answer = await acme.post(f"{JOBS}/search", content=b" " * (11 * MEGABYTE))
    assert (answer.status_code, code(answer)) == (413, "protocol.http.TooBigBody")
    assert (await acme.get(JOBS)).status_code == 200


async def test_large_answer(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A page above 10 MB is a 502; the same page works without the export data."""
    for _ in range(3):
        emporix_state.add_job("acme", type="EXPORT", exportResult={"data": "x" * 4 * MEGABYTE})
    whole = await acme.get(JOBS)
    light = await acme.get(JOBS, params={"fields": "id,type"})
    assert (whole.status_code, code(whole)) == (502, "protocol.http.TooBigBody")
    assert len(light.json()) == 3
