"""What a signed body says: a form, JSON in the `payload` of a form, or JSON."""

from __future__ import annotations

import json
from typing import Any

from yarl import query_to_pairs


def parse(body: str) -> dict[str, Any]:
    """The fields of a request of Slack's; raises ValueError where there are none to read.

    Bolt does this too, but takes every form that contains the word for one with a `payload`:
    `/emporix jobs search payload` would reach nobody.
    """
    is_json = body.startswith("{")
    form = {} if is_json else dict(query_to_pairs(body))
    if not is_json and "payload" not in form:
        return form
    try:
        fields = json.loads(body if is_json else form["payload"])
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("a request of Slack's has fields")
    return fields
