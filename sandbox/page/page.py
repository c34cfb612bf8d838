"""Renders the parts of the page for one user in one conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from markupsafe import Markup

from sandbox.clock.shared_clock import SharedClock
from sandbox.emporix.keys import ACME_READ_ONLY, GLOBEX_OPERATIONS
from sandbox.page.render import draw
from sandbox.page.timeline import Entry, ReadMarkers, timeline
from sandbox.page.tutorial import TutorialProgress
from sandbox.page.viewer import Reader
from sandbox.slack.directory import TEAM_NAME, Channel, User
from sandbox.slack.views import View
from sandbox.slack.workspace import Workspace

KEPT_ITEMS = 1000
KEYS = (GLOBEX_OPERATIONS, ACME_READ_ONLY)
ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
)
"""Time zones for moving the clock: with the usual clock change, without, and with half an hour."""


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    title: str
    is_current: bool


class Page:
    """Renders the parts that changed. It remembers read markers and the tutorial's progress."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read_markers = ReadMarkers(workspace)
        self._progress = TutorialProgress(workspace)
        self._items: LRUCache[Any, Markup] = LRUCache(KEPT_ITEMS)

    def version(self, user: User) -> list[Any]:
        """Return a value that changes whenever this user would see something else."""
        workspace = self._workspace
        views = [*workspace.views.stack(user.id), workspace.views.home(user.id)]
        files = workspace.files_of(user)
        shown = [f"{view.id}:{view.hash}" for view in views if view]
        messages = workspace.messages.version
        return [messages, len(files), workspace.journal.count, self._ahead(), *shown]

    def whole(self, user: User, channel: Channel) -> str:
        reader = self._reader(user)
        loaded_at = self._workspace.messages.version
        drawn = self.parts(user, channel, loaded_at=loaded_at)
        facts = self._facts(reader, channel) | {
            "parts": {name: Markup(html) for name, html in drawn.items()},
            "loaded_at": loaded_at,
        }
        return draw("page", shortcuts=self._workspace.shortcuts, zones=ZONES, **facts)

    def parts(
        self, user: User, channel: Channel, tab: str = "messages", loaded_at: int = 0
    ) -> dict[str, str]:
        """Return the HTML of the page's elements by their id.

        Ephemeral messages from before `loaded_at` are left out, as `timeline` explains.
        """
        reader = self._reader(user)
        self._progress.switched_user(user)
        facts = self._facts(reader, channel)
        return {
            "messages": self._messages(reader, channel, tab, loaded_at),
            "top": draw("top", tabs=self._tabs(reader, channel, tab), **facts),
            "sidebar": self._sidebar(reader, channel),
            **self._story(reader),
            "modal": self.modal(user),
            "title": f"{reader.title(channel)} · {TEAM_NAME}",
        }

    def modal(self, user: User, errors: Mapping[str, str] | None = None) -> str:
        """Return the HTML of the top view; empty if no view is open."""
        view = self._workspace.views.top(user.id)
        if view is None:
            return ""
        keys = KEYS if _asks_for_key(view) else ()
        return draw("modal", view=view, errors=errors or {}, keys=keys, reader=self._reader(user))

    def _messages(self, reader: Reader, channel: Channel, tab: str, loaded_at: int) -> str:
        if tab == "home" and channel.is_im:
            home = self._workspace.views.home(reader.user.id)
            return draw("home", view=home, reader=reader)
        entries = timeline(self._workspace, reader, channel.id, loaded_at)
        newest = max((one.key for e in entries for one in (e, *e.replies)), default="")
        self._read_markers.mark_read(reader.user, channel, newest)
        items = [self._item(reader, channel, entry) for entry in entries]
        return draw("messages", items=items, channel=channel, reader=reader)

    def _item(self, reader: Reader, channel: Channel, entry: Entry) -> Markup:
        """Render an entry, or return its cached HTML. A long list takes about 10 ms to render."""
        today = reader.at(reader.now).date()
        key = (reader.user.id, channel.id, entry.key, entry.version, today, str(entry.states()))
        if key not in self._items:
            self._items[key] = Markup(draw("item", entry=entry, reader=reader))
        return self._items[key]

    def _sidebar(self, reader: Reader, channel: Channel) -> str:
        places = self._read_markers.channels(reader, channel)
        return draw("sidebar", places=places, **self._facts(reader, channel))

    def _story(self, reader: Reader) -> dict[str, str]:
        """Render the tutorial: all steps, and the next one alone for narrow screens."""
        steps = self._progress.steps()
        coming = next((step for step in steps if step.is_next), None)
        whole = draw("story", steps=steps, is_all_done=coming is None, reader=reader)
        return {"story": whole, "next": draw("next", step=coming)}

    def _tabs(self, reader: Reader, channel: Channel, tab: str) -> list[Tab]:
        """Return the app's tabs. The Home tab is there only if the manifest enables it."""
        names = [("messages", "Messages")]
        if channel.is_im and self._workspace.has_home_tab:
            names.insert(0, ("home", "Home"))
        return [Tab(name, title, name == tab) for name, title in names]

    def _facts(self, reader: Reader, channel: Channel) -> dict[str, Any]:
        current = "dm" if channel.is_im else channel.name
        moves = isinstance(self._workspace.clock, SharedClock)
        return {
            "reader": reader,
            "channel": channel,
            "current": current,
            "team": TEAM_NAME,
            "clock_moves": moves,
        }

    def _ahead(self) -> float:
        """Return how far the clock was moved."""
        clock = self._workspace.clock
        return clock.ahead if isinstance(clock, SharedClock) else 0.0

    def _reader(self, user: User) -> Reader:
        return Reader(user, self._workspace.directory, self._workspace.clock())


def _asks_for_key(view: View) -> bool:
    """Whether this is the form that the sandbox's API keys can be filled into."""
    return any(block.get("block_id") == "client_secret" for block in view.content["blocks"])
