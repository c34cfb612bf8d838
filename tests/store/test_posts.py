"""Messages to be posted once: who may post, who must search first, and who must wait."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store import layout
from bot.store.pace import Pace
from bot.store.posts import Claim, Posts
from tests.clock import FakeClock
from tests.redis_clock import clocked

TWO_DAYS = 2 * 24 * 60 * 60
PLACE = ("T", "C1")


@pytest.fixture
def posts(redis: Any, clock: FakeClock) -> Posts:
    return Posts(clocked(redis, clock))


async def step(posts: Posts, name: str, token: str, *, looked: bool = False) -> str:
    return (await posts.claim(name, token, looked=looked)).step


async def test_one_may_post_and_others_wait(posts: Posts, clock: FakeClock) -> None:
    """Until it is sent; then nobody does anything."""
    assert await step(posts, "a", "ada") == "post"
    clock.forward(5)
    busy = await posts.claim("a", "grace")
    assert busy.step == "busy"
    assert busy.seconds == pytest.approx(15, abs=0.001)
    assert await step(posts, "b", "grace") == "post"
    assert await posts.sent("a") is None
    await posts.settle("a", "1.5")
    assert await posts.claim("a", "grace") == await posts.sent("a") == Claim("sent", "1.5")


async def test_who_finds_a_dead_claim_searches_first(posts: Posts, clock: FakeClock) -> None:
    """After 20 seconds; it takes the claim, so that not two search at the same time."""
    await posts.claim("a", "ada")
    clock.forward(19.9)
    assert await step(posts, "a", "grace") == "busy"
    clock.forward(0.1)
    assert await step(posts, "a", "grace") == "unknown"
    clock.forward(1)
    assert await step(posts, "a", "ada") == "busy"


async def test_a_holder_that_was_suspended_has_lost_its_claim(
    posts: Posts, clock: FakeClock
) -> None:
    """It may not post, nor end the claim of the worker that took over; nor with `looked`."""
    await posts.claim("a", "ada")
    clock.forward(25)
    assert await step(posts, "a", "grace") == "unknown"
    for end in (posts.release, posts.doubt, posts.give_up):
        await end("a", "ada")
        assert await step(posts, "a", "ada", looked=True) == "busy"
    assert await step(posts, "a", "grace", looked=True) == "post"


async def test_who_searched_in_vain_posts_under_a_whole_claim(
    posts: Posts, clock: FakeClock
) -> None:
    """Of 20 seconds from then on, also if the first one ended meanwhile without a successor."""
    await posts.claim("a", "ada")
    await posts.doubt("a", "ada")
    assert await step(posts, "a", "grace") == "unknown"
    clock.forward(21)
    assert await step(posts, "a", "grace", looked=True) == "post"
    clock.forward(19.9)
    assert await step(posts, "a", "ada") == "busy"


async def test_a_doubt_is_looked_into_at_once(posts: Posts) -> None:
    """The call has ended, so there is nothing to wait for."""
    await posts.claim("a", "ada")
    await posts.doubt("a", "ada")
    assert await posts.sent("a") is None
    assert await step(posts, "a", "grace") == "unknown"


async def test_a_claim_that_the_client_repeats_is_no_search(posts: Posts) -> None:
    """redis-py sends a call again whose answer was lost: that does not lead to a second message."""
    await posts.claim("a", "ada")
    await posts.doubt("a", "ada")
    assert [await step(posts, "a", "grace") for _ in range(2)] == ["unknown", "unknown"]
    assert [await step(posts, "b", "grace") for _ in range(2)] == ["post", "unknown"]


async def test_a_refused_message_starts_from_the_beginning(posts: Posts) -> None:
    """It is certain that nothing was posted."""
    await posts.claim("a", "ada")
    await posts.release("a", "ada")
    assert await step(posts, "a", "grace") == "post"


async def test_what_stays_unknown_is_not_posted_again(posts: Posts) -> None:
    """It counts as sent, and no timestamp is known."""
    await posts.claim("a", "ada")
    await posts.give_up("a", "ada")
    assert await posts.claim("a", "grace") == Claim("sent", "")


async def test_every_state_is_forgotten_after_two_days(posts: Posts, redis: Any) -> None:
    """Whether claimed, in doubt or sent."""
    key = layout.post("a")
    await posts.claim("a", "ada")
    ttls = [await redis.ttl(key)]
    await posts.doubt("a", "ada")
    ttls.append(await redis.ttl(key))
    await posts.settle("a", "1.5")
    ttls.append(await redis.ttl(key))
    assert ttls == [pytest.approx(TWO_DAYS, abs=5)] * 3


async def test_the_claim_to_post_keeps_the_pace_of_the_channel(
    posts: Posts, redis: Any, clock: FakeClock
) -> None:
    """A holder whose turn passed while it was suspended waits again; nothing is claimed for it."""
    assert (await posts.claim("a", "ada", PLACE)).step == "post"
    assert 3500 < await redis.ttl(layout.pace("T", "C1")) <= 3600
    clock.forward(0.5)
    claim = await posts.claim("b", "grace", PLACE)
    assert claim.step == "wait"
    assert claim.seconds == pytest.approx(0.55, abs=0.002)
    assert (await posts.claim("c", "grace", ("T", "C2"))).step == "post"
    assert await posts.sent("b") is None
    clock.forward(0.55)
    assert (await posts.claim("b", "ada", PLACE)).step == "post"


async def test_a_search_does_not_wait_for_the_pace(posts: Posts, clock: FakeClock) -> None:
    """Only the post afterwards does, and the claim is kept meanwhile."""
    await posts.claim("a", "ada", PLACE)
    await posts.doubt("a", "ada")
    assert (await posts.claim("a", "grace", PLACE)).step == "unknown"
    assert (await posts.claim("a", "grace", PLACE, looked=True)).step == "wait"
    assert (await posts.claim("a", "ada", PLACE)).step == "busy"


async def test_no_claim_to_post_within_a_pause_of_slacks(
    posts: Posts, redis: Any, clock: FakeClock
) -> None:
    """Neither in the channel that was refused nor in another; those elsewhere go on."""
    await Pace(clocked(redis, clock), 60).hold("T", "C1", 30)
    for channel in ("C1", "C2"):
        claim = await posts.claim("a", "ada", ("T", channel))
        assert claim.step == "wait"
        assert claim.seconds == pytest.approx(30, abs=0.001)
    assert (await posts.claim("a", "ada", ("T2", "C1"))).step == "post"
    clock.forward(30)
    assert (await posts.claim("b", "ada", ("T", "C2"))).step == "post"
