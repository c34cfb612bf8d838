"""The order and grouping of messages in a channel."""

from __future__ import annotations

from sandbox.page.timeline import Entry, timeline
from sandbox.slack.workspace import Workspace
from tests.sandbox.page.page_html import reader
from tests.sandbox.slack.conftest import StillClock


def seen(workspace: Workspace, channel: str = "C0GENERAL") -> list[Entry]:
    return timeline(workspace, reader(now=workspace.clock()), channel)


def test_messages_and_files_stand_in_the_order_they_came(
    workspace: Workspace, clock: StillClock
) -> None:
    """Messages and files are in one chronological order."""
    workspace.messages.add("C0GENERAL", "before", [])
    clock.advance(1)
    file = workspace.files.announce("a.txt", 1)
    workspace.files.upload(file.path, b"a")
    workspace.files.share(file.id, "", "C0GENERAL")
    clock.advance(1)
    workspace.messages.add("C0GENERAL", "after", [])
    entries = seen(workspace)
    shown = [entry.message.text if entry.message else entry.file for entry in entries]
    assert shown == ["before", workspace.files_of(reader().user)[0], "after"]


def test_replies_are_below_their_parent(workspace: Workspace) -> None:
    """Replies are below their parent, which changes with them, or alone if it isn't visible."""
    parent = workspace.messages.add("C0GENERAL", "question", [])
    before = seen(workspace)[0].version
    workspace.messages.add("C0GENERAL", "answer", [], thread_ts=parent.ts)
    hidden = workspace.messages.add("C0GENERAL", "secret", [], only_for="U0GRACE")
    workspace.messages.add("C0GENERAL", "lost", [], thread_ts=hidden.ts)
    first, lost = seen(workspace)
    assert [reply.message.text for reply in first.replies if reply.message] == ["answer"]
    assert first.version != before
    assert lost.message is not None
    assert lost.message.text == "lost"


def test_a_file_can_be_a_reply(workspace: Workspace, clock: StillClock) -> None:
    """A file in a thread is below its message, which changes with it."""
    parent = workspace.messages.add("C0GENERAL", "digest", [])
    before = seen(workspace)[0].version
    clock.advance(1)
    file = workspace.files.announce("a.png", 1, "Bars.")
    workspace.files.upload(file.path, b"a")
    workspace.files.share(file.id, "", "C0GENERAL", parent.ts)
    (entry,) = seen(workspace)
    assert [reply.file.alt_text for reply in entry.replies if reply.file] == ["Bars."]
    assert entry.version != before


def test_messages_of_one_author_stand_together(workspace: Workspace, clock: StillClock) -> None:
    """An author's messages within five minutes are grouped, except ephemeral ones."""
    for text, only_for in (("a", ""), ("b", ""), ("c", "U0ADA"), ("d", "")):
        workspace.messages.add("C0GENERAL", text, [], only_for=only_for)
    clock.advance(301)
    workspace.messages.add("C0GENERAL", "e", [])
    workspace.messages.add("C0GENERAL", "f", [], user_id="U0GRACE")
    continued = [entry.continues for entry in seen(workspace)]
    assert continued == [False, True, False, False, False, False]


def test_a_day_begins_at_the_readers_midnight(workspace: Workspace, clock: StillClock) -> None:
    """A day starts at midnight in the reader's time zone: 1,700,000,000 is 23:13 in Berlin."""
    workspace.messages.add("C0GENERAL", "late", [])
    clock.advance(3600)
    workspace.messages.add("C0GENERAL", "early", [])
    assert [entry.opens_day for entry in seen(workspace)] == [True, True]
