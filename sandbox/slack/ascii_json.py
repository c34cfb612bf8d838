"""JSON answers in ASCII: so even half a surrogate pair, which UTF-8 cannot hold, can be shown."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class PlainJSON(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")
