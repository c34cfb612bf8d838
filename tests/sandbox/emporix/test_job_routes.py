"""Jobs are listed, searched, read and deleted according to the contract."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from sandbox.emporix.state import EmporixState
from sandbox.emporix.times import iso
from tests.sandbox.emporix.conftest import NOON

JOBS = "/ai-service/acme/jobs"


def seven_jobs(emporix_state: EmporixState) -> None:
    """j0 to j6, each a minute older than the previous one; j0 and j1 failed."""
    for place in range(7):
        moment = iso(NOON - 60 * place)
        emporix_state.add_job(
            "acme",
            id=f"j{place}",
            status="failure" if place < 2 else "success",
            metadata={"version": place + 1, "createdAt": moment, "modifiedAt": moment},
        )


def ids(answer: httpx.Response) -> list[str]:
    return [job["id"] for job in answer.json()]


async def test_pages_count_from_one(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """Pages start at 1, newest first, and a page after the last is empty."""
    seven_jobs(emporix_state)
    pages = [await acme.get(JOBS, params={"pageSize": "3", "pageNumber": n}) for n in "1234"]
    assert [ids(page) for page in pages] == [["j0", "j1", "j2"], ["j3", "j4", "j5"], ["j6"], []]


async def test_the_total_is_sent_on_request(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """The total is in a header, if the request has the same header."""
    seven_jobs(emporix_state)
    found = {"q": "status:FAILURE", "pageSize": "1"}
    asked = await acme.get(JOBS, params=found, headers={"X-Total-Count": "true"})
    not_asked = await acme.get(JOBS, params=found)
    assert asked.headers["X-Total-Count"] == "2"
    assert "X-Total-Count" not in not_asked.headers


async def test_total_can_be_left_out(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A stand-in without `counts` never sends the header."""
    seven_jobs(emporix_state)
    emporix_state.counts = False
    answer = await acme.get(JOBS, headers={"X-Total-Count": "true"})
    assert "X-Total-Count" not in answer.headers


async def test_sorting(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """Several fields sort together, the first one with priority."""
    seven_jobs(emporix_state)
    answer = await acme.get(JOBS, params={"sort": "status:ASC,metadata.version:DESC"})
    assert ids(answer) == ["j1", "j0", "j6", "j5", "j4", "j3", "j2"]


async def test_only_chosen_fields(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """`fields` returns only these fields, also in nested objects and for a single job."""
    emporix_state.add_job("acme", id="one")
    wished = {"fields": "status,metadata.createdAt,unknown"}
    expected = {"status": "success", "metadata": {"createdAt": iso(NOON)}}
    assert (await acme.get(JOBS, params=wished)).json() == [expected]
    assert (await acme.get(f"{JOBS}/one", params=wished)).json() == expected


async def test_a_search_has_q_in_the_body(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """A search has `q` in the body and paging in the query string."""
    seven_jobs(emporix_state)
    answer = await acme.post(f"{JOBS}/search?pageSize=1", json={"q": "status:FAILURE"})
    assert ids(answer) == ["j0"]
    assert ids(await acme.post(f"{JOBS}/search", json={})) == [f"j{place}" for place in range(7)]


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"q": 5}'])
async def test_search_refuses_other_bodies(acme: httpx.AsyncClient, body: str) -> None:
    """A body that isn't a JSON object with a string `q` is a 400."""
    assert (await acme.post(f"{JOBS}/search", content=body)).status_code == 400


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[("pageNumber", bad) for bad in ("0", "-1", "one", "", "1.5", "²")],
        *[("pageSize", bad) for bad in ("0", "1001", "many", "")],
        *[("sort", bad) for bad in ("status", "status:down", "status:asc", ":ASC", "a:ASC,")],
        *[("fields", bad) for bad in ("id, status", "id,,status", "$where")],
        ("q", "status"),
    ],
)
async def test_bad_parameters(acme: httpx.AsyncClient, parameter: str, value: str) -> None:
    """An invalid parameter is a 400 with a message."""
    answer = await acme.get(JOBS, params={parameter: value})
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert answer.json()["message"]


async def test_details_come_in_every_shape(acme: httpx.AsyncClient) -> None:
    """`details` can be objects, strings, null or empty."""
    bad = ({"pageNumber": "0"}, {"pageSize": "0"}, {"sort": "x"}, {"fields": " "})
    details = [(await acme.get(JOBS, params=wrong)).json()["details"] for wrong in bad]
    assert [type(found and found[0]) for found in details] == [dict, str, type(None), list]


@pytest.mark.parametrize("job_id", ["68835cc3ef4e8e1425c360ad", "a/b c", "ü?x=1#y", "100%2F", "."])
async def test_any_id_survives_its_url(
    acme: httpx.AsyncClient, emporix_state: EmporixState, job_id: str
) -> None:
    """A job with any id can be found and deleted with its percent-encoded URL."""
    job = emporix_state.add_job("acme", id=job_id)
    url = f"{JOBS}/{quote(job_id, safe='').replace('.', '%2E')}"
    assert (await acme.get(url)).json() == job
    deleted = await acme.delete(url)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert emporix_state.jobs("acme") == []


async def test_bare_slash_is_not_part_of_an_id(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """An unencoded slash leads to a different path, which doesn't exist."""
    emporix_state.add_job("acme", id="a/b")
    assert (await acme.get(f"{JOBS}/a/b")).status_code == 404


async def test_deleting_again(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A second delete is a 404 that names the job."""
    emporix_state.add_job("acme", id="one")
    await acme.delete(f"{JOBS}/one")
    again = await acme.delete(f"{JOBS}/one")
    assert again.status_code == 404
    assert again.json()["resourceId"] == "one"
    assert ids(await acme.get(JOBS)) == []


async def test_unknown_path_is_the_proxys(acme: httpx.AsyncClient) -> None:
    """An unknown path or method is answered in HTML."""
    path, method = await acme.get("/ai-service/acme/workers"), await acme.put(JOBS)
    assert (path.status_code, method.status_code) == (404, 405)
    assert path.headers["Content-Type"].startswith("text/html")


async def test_requests_are_noted_without_secrets(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """The stand-in records requests without tokens and client secrets."""
    await acme.post(f"{JOBS}/search?pageSize=5", json={"q": "status:FAILURE"})
    token, search = emporix_state.requests
    assert (token.method, token.path) == ("POST", "/oauth/token")
    assert (search.path, search.query) == (f"{JOBS}/search", "pageSize=5")
    assert (search.tenant, search.q) == ("acme", "status:FAILURE")
    assert "secret" not in repr(emporix_state.requests)
    assert acme.headers["Authorization"].split()[1] not in repr(emporix_state.requests)
