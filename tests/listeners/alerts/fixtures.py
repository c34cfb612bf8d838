"""Alerts for tests of the listeners."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any


def without_ids(payloads: Sequence[dict[str, Any]]) -> Any:
    """The payloads, with alert ids replaced, because they differ each time."""
    sent = re.sub(r'("alert_id\\":\\")[0-9a-f]{16}', r"\1the-alert", json.dumps(payloads))
    return json.loads(sent)
