"""The stand-ins of the measurements are realistic and count correctly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from jinja2 import Environment, FileSystemLoader

from bench.environment import open_environment
from bench.redis_round_trips import RoundTripCounter, counting_proxy
from bench.stand_ins import baseline_digests, channels, emporix, plain_digest, tenants
from bench.stored_digests import digest
from bench.stored_users import TEAM, connect_users, user_id
from bot.domain.accounts import Caller, Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage, RequestLog
from bot.domain.lists import JobPlace, JobStep
from bot.emporix.client import list_params
from bot.emporix.models import parse_job_page, parse_request_log
from bot.emporix.query import ALL_TIMES, TimeRange, to_q
from bot.rendering.agent_message import detect
from bot.rendering.buttons import ModalOrigin
from bot.rendering.renderer import Renderer
from bot.services.digests.lifecycle import ReportWindow
from bot.services.digests.report import DigestReports
from bot.services.jobs import JobCard, JobList
from bot.services.session_logs import ErrorLines, error_line
from bot.services.similarity import group_failures
from bot.store.accounts import AccountStore
from bot.store.connection import connect
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys


def page_of_ten(page: int, time_range: TimeRange = ALL_TIMES) -> tuple[bytes, int]:
    filters = Filters(page=page)
    return emporix.jobs({**list_params(filters), "q": to_q(filters, time_range)})


def job_page(page: int, time_range: TimeRange = ALL_TIMES) -> JobPage:
    body, total = page_of_ten(page, time_range)
    return parse_job_page(json.loads(body), page=page, size=10, total=total)


def test_lists_contain_typical_messages() -> None:
    """A list has ten different jobs with times and agents, and some Markdown messages."""
    page = job_page(1)
    assert len(page.jobs) == 10
    assert all(job.message and job.agent_id and job.created_at for job in page.jobs)
    assert "markdown" in {detect(job.message).kind for job in page.jobs}


def test_pages_follow_each_other() -> None:
    """The next page continues the list, both by its number and from the time of the last job."""
    first, second = job_page(1).jobs, job_page(2).jobs
    assert not {job.id for job in first} & {job.id for job in second}
    rest = job_page(1, TimeRange(until=first[-1].created_at))
    assert (rest.jobs, rest.total) == ((first[-1], *second[:-1]), 740)


def test_slack_accepts_a_message_per_second_and_channel() -> None:
    """One channel's rate limit doesn't delay another channel."""
    limits = channels.Limits(a_minute=600)
    assert limits.wait("C1", 100.0) == 0
    assert limits.wait("C1", 100.25) == 0.75
    assert limits.wait("C2", 100.25) == 0
    assert limits.wait("C1", 101.0) == 0


def test_slack_enforces_the_limit_per_minute() -> None:
    """At 600 messages a minute, ten are accepted at once, then one every tenth of a second."""
    limits = channels.Limits(a_minute=600)
    taken = [limits.wait(f"C{number}", 100.0) for number in range(11)]
    assert taken[:10] == [0] * 10
    assert taken[10] == pytest.approx(0.1)
    assert limits.wait("C10", 100.11) == 0
    assert limits.wait("C11", 100.11) > 0


def test_slack_allows_fifty_channel_lookups_a_minute() -> None:
    """The fifty-first request has to wait until a minute after the first."""
    reads = channels.Reads()
    assert [reads.wait(100.0 + number) for number in range(50)] == [0] * 50
    assert reads.wait(150.0) == 10
    assert reads.wait(160.0) == 0
    assert reads.wait(160.5) == 0.5


def test_slack_shows_what_was_posted() -> None:
    """A message whose post may have failed can be found in its channel or thread."""
    metadata = {"event_type": "post", "event_payload": {"name": "digest:1"}}
    channels.keep({"channel": "C1", "text": "Jobs", "metadata": metadata}, "1.0")
    channels.keep({"channel": "C1", "text": "More", "thread_ts": "1.0"}, "2.0")
    shown = channels.messages({"channel": "C1", "oldest": "0"})["messages"]
    assert shown == [{"metadata": metadata, "ts": "1.0"}]
    thread = channels.messages({"channel": "C1", "ts": "1.0"})["messages"]
    assert [message["ts"] for message in thread] == ["2.0"]


def asked(tenant: str, q: str, size: int, page: int = 1) -> tuple[Any, int]:
    body, total = tenants.jobs(tenant, {"q": q, "pageSize": str(size), "pageNumber": str(page)})
    return json.loads(body), total


def test_failures_are_similar_only_in_tenants_with_many() -> None:
    """Four different failures fit into one message; sixty need a second page and the thread."""
    few, total = asked("acme-1", "status:FAILURE", 50)
    assert len(few) == total == 4
    read = parse_job_page(few, page=1, size=50, total=4).jobs
    assert [group.count for group in group_failures(read)] == [1] * 4
    pages = [asked("acme-5", "status:FAILURE", 50, page) for page in (1, 2)]
    assert [(len(found), total) for found, total in pages] == [(50, 60), (10, 60)]


def test_totals_of_a_tenant_add_up() -> None:
    """The totals of the four statuses add up to all jobs."""
    totals = [asked("acme-1", f"status:{status}", 1)[1] for status in (*tenants.TOTALS, "FAILURE")]
    assert sum(totals) == asked("acme-1", "", 1)[1]


async def test_the_app_answers_the_commands_of_the_figures() -> None:
    """The stand-ins answer each call that the app needs for a list, a job and the help."""
    async with open_environment() as environment, environment.bot() as bot:
        assert await bot.load.answer("jobs") > 0
        assert await bot.load.answer(f"jobs get {7:024x}") > 0
        assert await bot.load.ack(bot.load.command("help")) > 0


@pytest.fixture
async def counted(redis_url: str) -> AsyncIterator[tuple[Any, RoundTripCounter]]:
    async with counting_proxy(redis_url) as (url, trips):
        client = connect(url)
        await client.ping()
        trips.count = 0
        yield client, trips
        await client.aclose()


async def test_each_wait_for_redis_counts(counted: tuple[Any, RoundTripCounter]) -> None:
    """Two commands are two round trips."""
    redis, trips = counted
    await redis.get("a")
    await redis.get("b")
    assert trips.count == 2


async def test_a_pipeline_is_one_round_trip(counted: tuple[Any, RoundTripCounter]) -> None:
    """A pipeline is one round trip, regardless of the number of its commands."""
    redis, trips = counted
    async with redis.pipeline(transaction=True) as pipe:
        for number in range(100):
            pipe.get(f"key-{number}")
        await pipe.execute()
    assert trips.count == 1


async def test_the_app_can_read_stored_users(redis: Any, redis_url: str) -> None:
    """The app can read each stored user's connection and token."""
    key = new_key()
    await connect_users(redis_url, key, 3)
    store = AccountStore(redis, AccountEncryption(Cipher(parse_keys(key))))
    for number in range(3):
        account = await store.load(Caller(TEAM, user_id(number)))
        assert account.default_tenant == emporix.TENANT
        assert account.connections[emporix.TENANT].token is not None
    assert await redis.dbsize() == 3


def shape(message: Any) -> list[tuple[str, list[str]]]:
    """The type of each block, and the labels of its buttons."""
    return [
        (block["type"], [part["text"]["text"] for part in buttons_of(block)])
        for block in message["blocks"]
    ]


def buttons_of(block: Any) -> list[Any]:
    if block["type"] == "section":
        return [block["accessory"]] if "accessory" in block else []
    return block["elements"] if block["type"] == "actions" else []


def test_the_plain_app_sends_the_same_list() -> None:
    """Both lists of the same jobs have the same blocks and buttons, and as much text to 15 %."""
    for page in (1, 2):
        listing = JobList(
            jobs=sample_jobs(),
            filters=Filters(page=page),
            tenant="acme",
            cursor="pQ3vYkz1mXw7Lr0a",
            page=page,
            before=(page - 1) * 10,
            total=749,
            has_more=True,
            can_delete=True,
            query="[0,{}]",
            may_shift=False,
            is_only_tenant=True,
            zone="Europe/Berlin",
        )
        ours = Renderer.default().render("jobs/list", listing=listing)
        plain = plain_message(
            "plain_list",
            jobs=json.loads(page_of_ten(1)[0]),
            total=749,
            cursor="c",
            page=page,
            first=(page - 1) * 10 + 1,
        )
        assert_alike(ours, plain)


def test_the_plain_app_opens_the_same_modal() -> None:
    """Both modals of the same job have the same blocks and buttons, and as much text to 15 %."""
    first, second, *_ = sample_jobs()
    place = JobPlace(first.id, "pQ3vYkz1mXw7Lr0a", 1, None, JobStep(second.id))
    origin = asdict(ModalOrigin(form="kX9vYkz1mXw7Lr0b", channel_id="C0OPS", cursor=place.cursor))
    card = JobCard(first, "acme", True, f"https://admin.emporix.io/apps/jobs/{first.id}")
    facts = {"tenant": "acme", "is_watched": False, "place": place, "origin": origin}
    ours = Renderer.default().render("jobs/get.modal", card=card, **facts)
    job, *_ = json.loads(page_of_ten(1)[0])
    assert_alike(ours, plain_message("plain_job", job=job, cursor="c" * 60, following=second.id))


@pytest.mark.parametrize("tenant", ["acme-1", "acme-5"])
async def test_the_plain_digest_is_the_same(tenant: str) -> None:
    """Both digests have the app's blocks and buttons, also in the thread of a long one."""
    number, now = int(tenant.rpartition("-")[2]), 1795430000.0
    connection = Connection(
        Caller(TEAM, user_id(0)), tenant, Credentials("id", "x"), frozenset(), now
    )
    window = ReportWindow(now - 172_800, now - 86_400, now)
    calls = cast("Any", TenantJobs())
    reports = DigestReports(calls, ErrorLines(calls, lambda: now), lambda: now)
    report = await reports.read(connection, Filters(), window)
    facts: dict[str, Any] = {"history": None, "skipped": (), "late_for": None, "unclaimed": ()}
    daily = digest(number, now, owners=1, channels=1)
    ours = Renderer.default().render("digest/post", digest=daily, report=report, **facts)
    baseline = baseline_digests.message_of(number, report)
    assert set(baseline) == set(ours)
    failures = [job for page in (1, 2) for job in asked(tenant, "status:FAILURE", 50, page)[0]]
    totals = {**tenants.TOTALS, "FAILURE": len(failures)}
    totals["ALL"] = sum(totals.values())
    groups = plain_digest.grouped(failures)
    log = parse_request_log(json.loads(emporix.REQUEST_LOG), "")
    for jobs in groups[: plain_digest.LOGS]:
        jobs[0]["errorLine"] = error_line(log, Job())
    plain, thread = plain_digest.messages(tenant, totals, totals, groups, {})
    assert_alike(ours, plain)
    assert bool(thread) == bool(report.thread)
    if thread:
        rest = Renderer.default().render("digest/post.rest", report=report, zone="")
        assert len(json.dumps(thread)) == pytest.approx(len(json.dumps(rest)), rel=0.15)


class TenantJobs:
    """Lists the jobs of `bench.stand_ins.tenants`."""

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange = ALL_TIMES
    ) -> JobPage:
        params = list_params(filters)
        size, page = int(params["pageSize"]), int(params["pageNumber"])
        body, total = asked(connection.tenant, to_q(filters, part), size, page)
        return parse_job_page(body, page=page, size=size, total=total)

    async def find_request_log(self, connection: Connection, request_id: str) -> RequestLog:
        return parse_request_log(json.loads(emporix.REQUEST_LOG), request_id)


def sample_jobs() -> tuple[Job, ...]:
    return job_page(1).jobs


def plain_message(name: str, **facts: Any) -> Any:
    templates = Environment(loader=FileSystemLoader(Path(emporix.__file__).parent))
    facts |= {"names": {}, "tenant": "acme", "seconds": lambda _: 1795430000}
    return json.loads(templates.get_template(f"{name}.json.j2").render(facts))


def assert_alike(ours: Any, plain: Any) -> None:
    assert shape(plain) == shape(ours)
    assert len(json.dumps(plain)) == pytest.approx(len(json.dumps(ours)), rel=0.15)
