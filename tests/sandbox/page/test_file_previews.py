"""Previews of files on the page."""

from __future__ import annotations

import httpx

from sandbox.slack.workspace import Workspace


async def shown(page: httpx.AsyncClient, workspace: Workspace, name: str, content: bytes) -> str:
    """The channel with a file of that name."""
    file = workspace.files.announce(name, len(content))
    workspace.files.upload(file.path, content)
    workspace.files.share(file.id, "", "C0GENERAL")
    return str((await page.get("/page/ada/general/parts")).json()["messages"])


async def test_a_list_is_a_table(page: httpx.AsyncClient, workspace: Workspace) -> None:
    """A CSV file shows its first rows as a table, with quoted cells and escaped text."""
    content = '\ufeff"id","said"\r\n"1","<b>a</b>, and\nb"\r\n'.encode()
    html = await shown(page, workspace, "jobs.CSV", content + b"x,y\r\n" * 100)
    assert '<th scope="col">id</th><th scope="col">said</th>' in html
    assert "<td>1</td><td>&lt;b&gt;a&lt;/b&gt;, and\nb</td>" in html
    assert html.count("<tr>") == 20


async def test_a_cut_file_has_a_preview(page: httpx.AsyncClient, workspace: Workspace) -> None:
    """A file that is cut within a cell or a character, or that is empty, still has a preview."""
    assert "<th" in await shown(page, workspace, "long.csv", b'"' + "ä".encode() * 60_000)
    assert "<pre" in await shown(page, workspace, "none.csv", b"")


async def test_a_text_shows_its_first_lines(page: httpx.AsyncClient, workspace: Workspace) -> None:
    """A text file shows its first lines and its size."""
    html = await shown(page, workspace, "a.json", b"gone\n" * 400)
    assert html.count("gone") == 12
    assert "2.0 kB" in html
