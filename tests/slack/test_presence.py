"""Who reads a channel, from what Slack says about it."""

from __future__ import annotations

import pytest

from bot.models import Audience
from bot.slack.presence import audience_from


@pytest.mark.parametrize(
    ("flag", "audience"),
    [
        ("is_ext_shared", Audience("C0OPS", outsiders=True)),
        ("is_pending_ext_shared", Audience("C0OPS", outsiders=True)),
        ("is_im", Audience("C0OPS", direct=True)),
        ("is_mpim", Audience("C0OPS", direct=True)),
        ("is_archived", Audience("C0OPS", archived=True)),
        ("is_private", Audience("C0OPS")),
    ],
)
def test_each_flag_counts_alone(flag: str, audience: Audience) -> None:
    """People of another organization read along as soon as they are invited to, and a group
    direct message is no channel.
    """
    assert audience_from({"id": "C0OPS", flag: True}) == audience
    assert audience_from({"id": "C0OPS", flag: False}) == Audience("C0OPS")
