"""JSON responses in ASCII, which can contain unpaired surrogates."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class PlainJSON(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")
