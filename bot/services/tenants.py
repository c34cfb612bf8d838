"""Tenant names as people type them."""

from __future__ import annotations

import re

from bot.errors import InvalidInput

# Emporix: `^[a-z][a-z0-9]{2,15}$` in most services; the AI Service says only "lower case".
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}")


def tenant_name(text: str) -> str:
    """The tenant that was meant; raises InvalidInput for what cannot be one."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "That is not a tenant name",
            advice="A tenant name has letters and digits only, like acme.",
        )
    return name
