"""`make demo`: runs the app and the stand-ins on this machine, with a web page and a prompt."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
import sys
import webbrowser
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from sandbox import demo_state
from sandbox.clock.cli import run_clock_command
from sandbox.emporix.keys import GLOBEX_READ_ONLY
from sandbox.processes import StackError
from sandbox.say import TIMEOUT_SECONDS, Screen, Step, run_step
from sandbox.server import LOOPBACK, is_free
from sandbox.slack.person import Person, SandboxError
from sandbox.stack import Ports, Stack, Transport, running_stack
from sandbox.terminal import draw_message

MESSAGES_SHOWN = 5  # messages

PORTS = Ports(slack=8030, emporix=8040)

HELP = """\
  /emporix …                send a command, as in Slack
  click Open [2]            click a button of the last answer (the second with this label)
  submit "Tenant=globex" …  fill in the open modal by its labels, and submit it
  close                     close the open modal
  look                      show the newest messages of this channel, threads included
  clock [next digest]       show or move the time
  as grace   in ops   in dm switch to another user or channel; dm is the direct messages
  help   quit"""

TRY = f"""\
Or stay in the terminal. Ada is connected to tenant acme; Grace is not connected. Try:

  /emporix jobs
  click Next
  /emporix jobs search invoice status:failed
  click Open
  click Next
  click Delete
  submit
  close                 (the job is below the result)
  close                 (a modal is in front until you close it)
  /emporix running
  click Open
  click Watch
  close
  /emporix alerts on
  look                  (jobs end within a minute, and alerts arrive)
  click I'm on it       (then /emporix alerts open lists what no one has claimed)
  /emporix failed
  click Open
  click Run again…
  submit
  close
  close
  /emporix agents
  click Pause…
  submit "Reason=Wrong prices"
  close                 (the agent is off; /emporix agents resumes it)
  /emporix digest
  submit
  close
  clock next digest     (moves the time to tomorrow morning; then look)
  in dm
  look
  in general
  as grace
  /emporix connect
  submit "Tenant={GLOBEX_READ_ONLY.tenant}" "Client ID={GLOBEX_READ_ONLY.client_id}" \
"Client secret={GLOBEX_READ_ONLY.client_secret}"
"""


async def demo(
    folder: Path,
    port: int | None = None,
    transport: Transport = "http",
    host: str = LOOPBACK,
) -> int:
    """Run until Ctrl-C, `quit` or the end of the input at a terminal.

    `port` and `host` are those of the page; without `port`, 8030 or a free one. Slack's requests
    reach the app over HTTP or in Socket Mode. Raises `StackError`.
    """
    from sandbox.page.routes import PageRoutes

    if port is not None and not is_free(port):
        raise StackError(f"Port {port} is in use. Choose another one with --port.")
    ports = replace(PORTS, slack=PORTS.slack if port is None else port, slack_host=host)
    with demo_state.locked(folder):
        print("Starting Redis, the stand-ins and the bot …", flush=True)
        async with (
            running_stack(folder, ports, PageRoutes, alive=True, transport=transport) as stack,
            httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
        ):
            with demo_state.published(folder, stack.slack_url):
                print(_welcome(stack, ports), flush=True)
                await asyncio.to_thread(open_at_desktop, stack.slack_url)
                with suppress(asyncio.CancelledError):  # Ctrl-C is the usual way to stop the demo
                    await Prompt(http, stack.slack_url).read()
                print("\nStopping …", flush=True)
    return 0


class Prompt:
    """Reads the user's lines, and prints what the user would see in Slack."""

    def __init__(self, http: httpx.AsyncClient, slack_url: str) -> None:
        self._http, self._slack_url = http, slack_url
        self._user, self._channel = "ada", "general"
        self._screens: defaultdict[str, Screen] = defaultdict(Screen)
        self._at_terminal = sys.stdin.isatty()

    async def read(self) -> None:
        """Read until `quit` or the end of the input; without a terminal, until Ctrl-C."""
        self._ask()
        async for line in _typed():
            if line.strip() in {"quit", "exit"}:
                return
            if line.strip():
                print(await self._answer(line.strip()), end="\n\n")
            self._ask()
        if not self._at_terminal:
            await asyncio.Event().wait()

    def _ask(self) -> None:
        if self._at_terminal:
            print(f"{self._user} in #{self._channel}> ", end="", flush=True)

    async def _answer(self, line: str) -> str:
        try:
            return await self._do(line)
        except (SandboxError, ValueError) as error:
            return str(error)

    async def _do(self, line: str) -> str:
        if line.startswith("/"):
            return await self._take(Step("command", [line]))
        match shlex.split(line):
            case ["click", *label] if label:
                return await self._click(label)
            case ["submit" | "close" as kind, *pairs]:
                return await self._take(Step(kind, pairs))
            case ["as", user]:
                return await self._go(user, self._channel)
            case ["clock", *words]:
                return await run_clock_command(self._http, self._slack_url, " ".join(words))
            case ["look"]:
                return await self._look()
            case ["in", channel]:
                return await self._go(self._user, channel.removeprefix("#"))
        return HELP

    async def _go(self, user: str, channel: str) -> str:
        await self._person(user, channel).messages()  # raises SandboxError for unknown names
        self._user, self._channel = user, channel
        return f"You are {user} in #{channel} now."

    async def _look(self) -> str:
        messages = (await self._person().messages())[-MESSAGES_SHOWN:]
        return "\n\n".join(map(draw_message, messages)) or "(nothing here yet)"

    async def _take(self, step: Step, nth: int = 1) -> str:
        return self._screens[self._user].draw(await run_step(step, self._person(), nth=nth))

    async def _click(self, words: list[str]) -> str:
        numbered = len(words) > 1 and words[-1].isdigit()
        label, nth = (words[:-1], int(words[-1])) if numbered else (words, 1)
        return await self._take(Step("click", [" ".join(label)]), nth)

    def _person(self, user: str = "", channel: str = "") -> Person:
        user, channel = user or self._user, channel or self._channel
        return Person(self._http, self._slack_url, user, channel)


async def _typed() -> AsyncIterator[str]:
    """Yield lines of the input, without a thread that Ctrl-C could not stop."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    if _can_be_waited_for(sys.stdin.fileno()):
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    else:
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
    while line := await reader.readline():
        yield line.decode(errors="replace")


def _can_be_waited_for(number: int) -> bool:
    """Whether the file descriptor is a terminal, pipe or socket, and not a file or /dev/null."""
    kind = os.fstat(number).st_mode
    return os.isatty(number) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


def _welcome(stack: Stack, ports: Ports) -> str:
    line = f"Open  {stack.slack_url}  in your browser"
    frame = "─" * (len(line) + 6)
    return (
        f"\n{_port_note(stack, ports)}╭{frame}╮\n│   {_bold(line)}   │\n╰{frame}╯\n\n"
        f"{TRY}\n{HELP}\n\n"
        f"Emporix {stack.emporix_url}   bot {stack.bot_url}\n"
        f"From another terminal: python -m sandbox say '/emporix jobs'. Ctrl-C stops the demo.\n"
    )


def _port_note(stack: Stack, ports: Ports) -> str:
    used = urlsplit(stack.slack_url).port
    if used == ports.slack:
        return ""
    return f"Port {ports.slack} is in use, so the page is on port {used}.\n\n"


def _bold(words: str) -> str:
    return f"\033[1m{words}\033[0m" if sys.stdout.isatty() else words


def open_at_desktop(address: str) -> bool:
    """Open a browser, unless the demo runs in a pipe, over SSH or without a desktop."""
    return is_at_desktop(os.environ, sys.platform, sys.stdin.isatty()) and webbrowser.open(address)


def is_at_desktop(environment: Mapping[str, str], platform: str, at_terminal: bool) -> bool:
    if not at_terminal or "SSH_CONNECTION" in environment:
        return False
    # Without a desktop, `webbrowser` would start a text browser in the terminal.
    has_windows = {"DISPLAY", "WAYLAND_DISPLAY"} & environment.keys()
    return platform in {"darwin", "win32"} or bool(has_windows)
