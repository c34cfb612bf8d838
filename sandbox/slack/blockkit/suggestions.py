"""Schema of the options that an app returns to an external select."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blockkit.error_messages import error_message
from sandbox.slack.blockkit.objects import OPTION_GROUP, PLAIN_OPTION
from sandbox.slack.blockkit.schema import array, compiled, shape
from sandbox.slack.blockkit.walk import options
from sandbox.slack.errors import ApiError

_ONE_LIST = {
    "oneOf": [{"required": ["options"]}, {"required": ["option_groups"]}],
    "says": "must define either `options` or `option_groups`",
}
_OFFER = compiled(
    shape(
        {},
        {
            "options": array(PLAIN_OPTION, 100, least=0),
            "option_groups": array(OPTION_GROUP, 100, least=0),
        },
        **_ONE_LIST,
    )
)


def suggested(body: object) -> list[dict[str, Any]]:
    """Return the options, including those in groups. Raises `ApiError`: invalid_options."""
    if found := [error_message(error, "") for error in _OFFER.iter_errors(body)]:
        raise ApiError("invalid_options", found)
    return options(body) if isinstance(body, dict) else []
