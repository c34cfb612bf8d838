"""Pictures are drawn one at a time, and what is drawn is what the template says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from syrupy.assertion import SnapshotAssertion

from bot.models import Digest, Schedule
from bot.say.chart import Chart
from bot.say.render import Say
from bot.services.digests.history import DayCount, History
from bot.slack.digest_pictures import DigestPictures, Thread, chart
from bot.store.posts import Posts
from bot.store.uploads import Uploads
from tests.shop import Shop
from tests.store.fixtures import ADA

DIGEST = Digest("1", ADA, "C0OPS", "Daily jobs", Schedule(540, "Europe/Berlin", (0,)), "acme")
HISTORY = History(
    "acme",
    ("failure", "success"),
    (
        DayCount("2026-11-29", (2, 5)),
        DayCount("2026-11-30", None),
        DayCount("2026-12-01", (0, 1300)),
    ),
)


@dataclass
class FakeDrawing:
    """Draws nothing, and says how many did so at the same time; or has no folder to write to."""

    fails: bool = False
    shown: list[Chart] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, shown: Chart) -> bytes:
        if self.fails:
            raise PermissionError("no folder to write to")
        with self._guard:
            self.shown.append(shown)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.01)  # so that others would come in between
        with self._guard:
            self.at_once -= 1
        return b"PNG"


@pytest.fixture
def drawing() -> FakeDrawing:
    return FakeDrawing()


@pytest.fixture
async def pictures(shop: Shop, drawing: FakeDrawing) -> AsyncIterator[DigestPictures]:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            shop.workspace.bot_token, base_url=f"{shop.slack_url}/api/", session=session
        )
        uploads, posts = Uploads(shop.redis, 60), Posts(shop.redis)
        yield DigestPictures(
            Say.default(), client, session, uploads, posts, shop.clock, draw=drawing
        )


def threads(shop: Shop, count: int) -> list[Thread]:
    """Below so many messages."""
    posted = [shop.workspace.messages.add("C0OPS", "digest", []) for _ in range(count)]
    return [Thread(f"picture {one.ts}", "T0ACME", "C0OPS", one.ts) for one in posted]


async def test_one_is_drawn_at_a_time(
    shop: Shop, pictures: DigestPictures, drawing: FakeDrawing
) -> None:
    """However many are due; what draws them is not for two threads."""
    below = threads(shop, 8)
    await asyncio.gather(*(pictures.post(thread, DIGEST, HISTORY) for thread in below))
    assert (len(drawing.shown), drawing.most_at_once) == (8, 1)
    assert {file.thread_ts for file in shop.workspace.files.seen_in({"C0OPS"})} == {
        thread.ts for thread in below
    }


async def test_of_two_who_draw_the_same_one_uploads(shop: Shop, pictures: DigestPictures) -> None:
    """Whoever claims it first."""
    (thread,) = threads(shop, 1)
    await asyncio.gather(*(pictures.post(thread, DIGEST, HISTORY) for _ in range(4)))
    assert len(shop.workspace.files.seen_in({"C0OPS"})) == 1


async def test_a_machine_that_cannot_draw_is_no_error(
    shop: Shop, pictures: DigestPictures, drawing: FakeDrawing
) -> None:
    """Without any folder to write to the library does not load; nothing is announced then."""
    drawing.fails = True
    (thread,) = threads(shop, 1)
    await pictures.post(thread, DIGEST, HISTORY)
    assert shop.workspace.files.seen_in({"", "C0OPS"}) == []


def test_draws_what_it_says(snapshot: SnapshotAssertion) -> None:
    """The title and the rows are in the words of the template, the numbers those of the days."""
    words = Say.default().render("digest/picture", digest=DIGEST, history=HISTORY)
    assert (words["alt_txt"], chart(words, HISTORY)) == snapshot
