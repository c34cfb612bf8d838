"""The audience of a channel, as read from Slack's channel object."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Audience
from bot.errors import DigestRefused
from bot.slack.conversations import DigestChannels, audience_from_info
from sandbox.slack.directory import ADA
from tests.harness import sample_requests
from tests.harness.app import AppHarness
from tests.harness.signed_requests import Poster


@pytest.mark.parametrize(
    ("flag", "audience"),
    [
        ("is_ext_shared", Audience("C0OPS", has_outsiders=True)),
        ("is_pending_ext_shared", Audience("C0OPS", has_outsiders=True)),
        ("is_im", Audience("C0OPS", is_direct=True)),
        ("is_mpim", Audience("C0OPS", is_direct=True)),
        ("is_archived", Audience("C0OPS", is_archived=True)),
        ("is_private", Audience("C0OPS")),
    ],
)
def test_each_flag_counts_alone(flag: str, audience: Audience) -> None:
    """Each flag of a shared channel counts on its own, and a group direct message is no channel."""
    assert audience_from_info({"id": "C0OPS", flag: True}) == audience
    assert audience_from_info({"id": "C0OPS", flag: False}) == Audience("C0OPS")


def refusal(audience: Audience, *, allow_outsiders: bool) -> str:
    """The reason to refuse a digest for this audience, or ""."""
    try:
        DigestChannels(AsyncWebClient(), allow_outsiders=allow_outsiders).admit(audience)
    except DigestRefused as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize(
    ("audience", "reason"),
    [
        (Audience("C0OPS"), ""),
        (Audience("G0GROUP", is_direct=True), "direct"),
        (Audience("D0ADA", is_direct=True), "direct"),
        (Audience("C0OPS", is_archived=True), "archived"),
        (Audience("C0OPS", is_known=False, error_code="channel_not_found"), "gone"),
        (Audience("C0OPS", is_known=False, error_code="missing_scope"), "slack:missing_scope"),
    ],
)
@pytest.mark.parametrize("allow_outsiders", [True, False])
def test_says_why_a_channel_is_refused(
    audience: Audience, reason: str, allow_outsiders: bool
) -> None:
    """Direct messages, archived channels and invisible channels are refused with their reason."""
    assert refusal(audience, allow_outsiders=allow_outsiders) == reason


def test_the_operator_decides_about_outsiders() -> None:
    """A channel of several organizations gets digests only with ALLOW_SHARED_CHANNELS."""
    shared = Audience("C0PARTNERS", has_outsiders=True)
    assert refusal(shared, allow_outsiders=False) == "outsiders"
    assert refusal(shared, allow_outsiders=True) == ""


@pytest.mark.parametrize(
    ("channel_id", "name", "is_direct"),
    [
        ("C0OPS", "ops", False),
        ("C0OPS", "mpdm-ada--grace--bob-1", True),
        ("G0GROUP", "mpdm-ada--grace--bob-1", True),
        ("D0ADA", "directmessage", True),
        ("G0BOARD", "privategroup", False),
    ],
)
async def test_a_group_message_is_no_channel(
    connected: AppHarness, poster: Poster, channel_id: str, name: str, is_direct: bool
) -> None:
    """In a direct or group message, alerts are refused with a hint to use a channel."""
    url = connected.slack_url + connected.workspace.response_urls.new(ADA.id, "C0GENERAL")
    typed = sample_requests.command("alerts on", url) | {"enterprise_id": ""}
    await poster.command(typed | {"channel_id": channel_id, "channel_name": name})
    await poster.settled()
    (message,) = await connected.ada.messages()
    assert ("only in channels" in message["text"]) == is_direct
