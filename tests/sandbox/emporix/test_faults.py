"""Faults apply to the chosen requests, as often as requested."""

from __future__ import annotations

import asyncio
import logging
import time

import httpx
import pytest

from sandbox.emporix.faults import Fault
from sandbox.emporix.state import EmporixState

JOBS = "/ai-service/acme/jobs"


@pytest.fixture
async def one(acme: httpx.AsyncClient, emporix_state: EmporixState) -> httpx.AsyncClient:
    """A client of a tenant with one job, `one`."""
    emporix_state.add_job("acme", id="one")
    return acme


async def test_delay(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A delayed response is the right one."""
    emporix_state.faults.add(Fault("delay", seconds=0.2))
    started = time.monotonic()
    assert (await one.get(f"{JOBS}/one")).status_code == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_status(one: httpx.AsyncClient, emporix_state: EmporixState, status: int) -> None:
    """Any status can be injected with its documented body, and the request isn't run."""
    emporix_state.faults.add(Fault("status", status=status))
    answer = await one.delete(f"{JOBS}/one")
    shape = {401: {"fault"}, 429: {"fault"}, 404: {"code", "status", "message", "resourceId"}}
    assert answer.status_code == status
    assert shape.get(status, {"code", "status", "message"}) <= set(answer.json())
    assert len(emporix_state.jobs("acme")) == 1


async def test_html(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A proxy's page is a 502 in HTML."""
    emporix_state.faults.add(Fault("html"))
    answer = await one.get(JOBS)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (502, "text/html")
    assert "502 Bad Gateway" in answer.text


async def test_empty(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """An empty response is a 200 with a JSON content type and no body."""
    emporix_state.faults.add(Fault("empty"))
    answer = await one.get(JOBS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


async def test_truncated(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A truncated response is the beginning of the right one, with matching headers."""
    whole = await one.get(JOBS)
    emporix_state.faults.add(Fault("truncated"))
    half = await one.get(JOBS)
    assert (half.status_code, len(half.content)) == (200, len(whole.content) // 2)
    assert whole.content.startswith(half.content)


async def test_status_after(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A request can take effect although its response is an error."""
    emporix_state.faults.add(Fault("status_after", status=500))
    assert (await one.delete(f"{JOBS}/one")).status_code == 500
    assert emporix_state.jobs("acme") == []


@pytest.mark.parametrize(("kind", "left"), [("cut_before", 1), ("cut_after", 0)])
async def test_cut(
    one: httpx.AsyncClient,
    emporix_state: EmporixState,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    left: int,
) -> None:
    """A cut connection sends no response, and only a cut after the operation deletes the job."""
    caplog.set_level(logging.WARNING)
    emporix_state.faults.add(Fault(kind))  # type: ignore[arg-type]
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await one.delete(f"{JOBS}/one")
    assert len(emporix_state.jobs("acme")) == left
    assert caplog.records == []
    assert (await one.get(JOBS)).status_code == 200


async def test_cut_sends_no_byte(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """On a raw socket, the connection closes without a byte."""
    emporix_state.faults.add(Fault("cut_before"))
    reading, writing = await asyncio.open_connection(one.base_url.host, one.base_url.port)
    writing.write(b"GET /ai-service/acme/jobs HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await asyncio.wait_for(reading.read(), 5) == b""
    writing.close()
    await writing.wait_closed()


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("quota_500", 500)])
async def test_quota(
    one: httpx.AsyncClient, emporix_state: EmporixState, kind: str, status: int
) -> None:
    """An exceeded quota is a gateway error, with Retry-After if given."""
    emporix_state.faults.add(Fault(kind, retry_after=7))  # type: ignore[arg-type]
    emporix_state.faults.add(Fault(kind))  # type: ignore[arg-type]
    limited, silent = await one.get(JOBS), await one.get(JOBS)
    code = limited.json()["fault"]["detail"]["errorcode"]
    assert (limited.status_code, code) == (status, "policies.ratelimit.QuotaViolation")
    assert limited.headers["Retry-After"] == "7"
    assert "Retry-After" not in silent.headers


async def test_a_fault_applies_to_matching_requests(
    one: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """A fault applies to its path and method, `times` times, oldest first."""
    emporix_state.faults.add(Fault("status", status=503, path="/jobs/one", method="get", times=2))
    emporix_state.faults.add(Fault("status", status=500))
    calls = [JOBS, f"{JOBS}/one", f"{JOBS}/one", f"{JOBS}/one"]
    assert [(await one.get(path)).status_code for path in calls] == [500, 503, 503, 200]
    assert len(emporix_state.faults) == 0


async def test_control_endpoints(one: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """The control endpoints add and clear faults and expire tokens, and no fault affects them."""
    order = {"kind": "status", "status": 500, "times": 3}
    assert (await one.post("/sandbox/faults", json=order)).status_code == 204
    assert (await one.get(JOBS)).status_code == 500
    assert (await one.delete("/sandbox/faults")).status_code == 204
    assert (await one.get(JOBS)).status_code == 200
    await one.post("/sandbox/expire-tokens")
    assert (await one.get(JOBS)).status_code == 401
    assert not any(seen.path.startswith("/sandbox") for seen in emporix_state.requests)


@pytest.mark.parametrize(
    "order",
    [{}, [], {"kind": "flood"}, {"kind": "status", "status": 200}, {"kind": "html", "path": 1}],
)
async def test_invalid_faults(
    emporix: httpx.AsyncClient, emporix_state: EmporixState, order: object
) -> None:
    """An invalid fault is refused and changes nothing."""
    assert (await emporix.post("/sandbox/faults", json=order)).status_code == 400
    assert len(emporix_state.faults) == 0
