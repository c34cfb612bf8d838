"""Schemas of modals and the Home tab."""

from __future__ import annotations

from sandbox.slack.blockkit.blocks import ON_SURFACE
from sandbox.slack.blockkit.objects import ID, plain
from sandbox.slack.blockkit.schema import BOOLEAN, Schema, kind, string, typed

_COMMON: dict[str, Schema] = {
    "callback_id": string(255, shortest=0),
    "private_metadata": string(3000, shortest=0),
    "external_id": ID,
}

MODAL = kind(
    {"title": plain(24), "blocks": ON_SURFACE["modal"]},
    {
        **_COMMON,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": BOOLEAN,
        "notify_on_close": BOOLEAN,
        "submit_disabled": BOOLEAN,
    },
)
HOME = kind({"blocks": ON_SURFACE["home"]}, _COMMON)

VIEW = {"modal": typed({"modal": MODAL}), "home": typed({"home": HOME})}
