"""`make demo`: runs the app and the stand-ins on this machine, with a web page and a prompt."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
import sys
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from sandbox import demo_state
from sandbox.clock.cli import run_clock_command
from sandbox.emporix.keys import GLOBEX_READ_ONLY
from sandbox.say import TIMEOUT_SECONDS, Step, draw, run_step
from sandbox.slack.person import Person, SandboxError
from sandbox.stack import Ports, Stack, running_stack
from sandbox.terminal import draw_message

MESSAGES_SHOWN = 5  # messages

PORTS = Ports(slack=8030, emporix=8040, bot=3000)

HELP = """\
  /emporix …                type a command, as in Slack
  click Open [2]            press a button of the last answer (the second of that label)
  submit "Tenant=globex" …  fill in the open modal, by label, and submit it
  look                      what has arrived here meanwhile; threads too
  clock [next digest]       what time it is here, and how to move it
  as grace   in ops   in dm be somebody else, or go elsewhere: dm are the direct messages
  help   quit"""

TRY = f"""\
Or stay here. Ada is connected to tenant acme; Grace is not connected. Try:

  /emporix jobs
  click Next
  /emporix jobs search invoice status:failed
  click Open
  click Delete
  /emporix running
  click Watch
  /emporix alerts on
  look                  (within a minute jobs end, and alerts arrive)
  /emporix digest
  submit
  clock next digest     (it is tomorrow morning: look)
  in dm
  look
  in general
  as grace
  /emporix connect
  submit "Tenant={GLOBEX_READ_ONLY.tenant}" "Client ID={GLOBEX_READ_ONLY.client_id}" \
"Client secret={GLOBEX_READ_ONLY.client_secret}"
"""


async def demo(folder: Path) -> int:
    """Run until Ctrl-C, `quit` or the end of the input at a terminal."""
    from sandbox.page.routes import PageRoutes

    print("Starting Redis, the stand-ins and the bot …", flush=True)
    async with (
        running_stack(folder, PORTS, PageRoutes, alive=True) as stack,
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
    ):
        with demo_state.published(folder, stack.slack_url):
            print(_welcome(stack), flush=True)
            await asyncio.to_thread(open_at_desktop, stack.slack_url)
            with suppress(asyncio.CancelledError):  # Ctrl-C is how most people leave
                await Prompt(http, stack.slack_url).read()
            print("\nStopping …", flush=True)
    return 0


class Prompt:
    """Reads what somebody types, and shows what they would see."""

    def __init__(self, http: httpx.AsyncClient, slack_url: str) -> None:
        self._http, self._slack_url = http, slack_url
        self._user, self._channel = "ada", "general"
        self._at_terminal = sys.stdin.isatty()

    async def read(self) -> None:
        """Until `quit`, or the end of the input at a terminal; without one, until Ctrl-C."""
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
            return f"{error}\n\n{HELP}"

    async def _do(self, line: str) -> str:
        if line.startswith("/"):
            return await self._take(Step("command", [line]))
        match shlex.split(line):
            case ["click", *label] if label:
                return await self._click(label)
            case ["submit", *pairs]:
                return await self._take(Step("submit", pairs))
            case ["as", user]:
                self._user = user
                return f"You are {user} now."
            case ["clock", *words]:
                return await run_clock_command(self._http, self._slack_url, " ".join(words))
            case ["look"]:
                return await self._look()
            case ["in", channel]:
                self._channel = channel.removeprefix("#")
                return f"You are in #{self._channel} now."
        return HELP

    async def _look(self) -> str:
        messages = (await self._person().messages())[-MESSAGES_SHOWN:]
        return "\n\n".join(map(draw_message, messages)) or "(nothing here yet)"

    async def _take(self, step: Step) -> str:
        return draw(await run_step(step, self._person()))

    async def _click(self, words: list[str]) -> str:
        numbered = len(words) > 1 and words[-1].isdigit()
        label, nth = (words[:-1], int(words[-1])) if numbered else (words, 1)
        return draw(await self._person().click(" ".join(label), nth=nth))

    def _person(self) -> Person:
        return Person(self._http, self._slack_url, self._user, self._channel)


async def _typed() -> AsyncIterator[str]:
    """The lines of the input as they come, without a thread that would outlive Ctrl-C."""
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
    """A terminal or a pipe can; a plain file and /dev/null have all they will ever have."""
    kind = os.fstat(number).st_mode
    return os.isatty(number) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)


def _welcome(stack: Stack) -> str:
    line = f"Open  {stack.slack_url}  in your browser"
    frame = "─" * (len(line) + 6)
    return (
        f"\n╭{frame}╮\n│   {_bold(line)}   │\n╰{frame}╯\n\n"
        f"{TRY}\n{HELP}\n\n"
        f"Emporix {stack.emporix_url}   bot {stack.bot_url}\n"
        f"From another terminal: python -m sandbox say '/emporix jobs'. Ctrl-C ends it all.\n"
    )


def _bold(words: str) -> str:
    return f"\033[1m{words}\033[0m" if sys.stdout.isatty() else words


def open_at_desktop(address: str) -> bool:
    """Whether a browser was asked; never from a pipe, over SSH, or where there is no desktop."""
    return is_at_desktop(os.environ, sys.platform, sys.stdin.isatty()) and webbrowser.open(address)


def is_at_desktop(environment: Mapping[str, str], platform: str, at_terminal: bool) -> bool:
    if not at_terminal or "SSH_CONNECTION" in environment:
        return False
    # Without a desktop `webbrowser` takes a browser of the terminal, over the prompt.
    has_windows = {"DISPLAY", "WAYLAND_DISPLAY"} & environment.keys()
    return platform in {"darwin", "win32"} or bool(has_windows)
