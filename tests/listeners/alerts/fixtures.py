"""Alerts for tests of the listeners."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from tests.harness.app import AppHarness
from tests.tasks.test_alerts import fail, later


def without_ids(payloads: Sequence[dict[str, Any]]) -> Any:
    """The payloads, with alert ids replaced, because they differ each time."""
    sent = re.sub(r'("alert_id\\":\\")[0-9a-f]{16}', r"\1the-alert", json.dumps(payloads))
    return json.loads(sent)


async def with_failure(connected: AppHarness) -> AppHarness:
    """Ada has turned alerts on in #ops, where one job has failed."""
    await connected.person("ada", "ops").command("/emporix alerts on")
    fail(connected)
    await later(connected)
    return connected
