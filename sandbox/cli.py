"""The sandbox's command line: `demo` runs the app, `say` sends commands, `clock` moves the time."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from io import TextIOWrapper
from typing import Any

from sandbox.clock.cli import clock
from sandbox.demo import demo
from sandbox.processes import PROJECT, StackError
from sandbox.say import Step, say
from sandbox.server import LOOPBACK

FOLDER = PROJECT / ".sandbox"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. The exit status is 1 if the bot answered with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # consoles that can't show an emoji show a ?
    options = _parser().parse_args(_decoded(sys.argv[1:] if arguments is None else arguments))
    try:
        status = asyncio.run(_run_until_signal(options.run(options)))
        sys.stdout.flush()
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except BrokenPipeError:  # the pipe is closed: nothing to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return status


def _decoded(arguments: Sequence[str]) -> list[str]:
    """Decode arguments as UTF-8, which Python does not do in a POSIX locale."""
    return [os.fsencode(argument).decode(errors="replace") for argument in arguments]


async def _run_until_signal(main_task: Coroutine[Any, Any, int]) -> int:
    """Cancel the command on SIGINT and SIGTERM, so that it cleans up."""
    task = asyncio.ensure_future(main_task)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Run Emporix Jobs for Slack with stand-ins"
    )
    commands = parser.add_subparsers(required=True, metavar="demo | say | clock")
    started = commands.add_parser("demo", help="start the app, the stand-ins and the web page")
    started.add_argument(
        "--port", type=int, help="port of the web page; by default 8030, or a free one"
    )
    started.add_argument(
        "--host",
        default=LOOPBACK,
        help="IP address that the web page listens on, such as 0.0.0.0 in a container; "
        "anyone who reaches it can use the demo",
    )
    started.add_argument(
        "--socket",
        dest="transport",
        action="store_const",
        const="socket",
        default="http",
        help="let Slack's requests reach the app in Socket Mode instead of HTTP",
    )
    started.set_defaults(run=lambda asked: demo(FOLDER, asked.port, asked.transport, asked.host))
    _add_say(commands.add_parser("say", help="run one command and print the answer"))
    _add_clock(commands.add_parser("clock", help="move the clock of the running demo forward"))
    return parser


def _add_clock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        help="such as 'tomorrow 09:00 Europe/Berlin', 'next digest' or 'stop worker'; "
        "without an argument, print the time and the other arguments",
    )
    parser.set_defaults(run=lambda options: clock(" ".join(options.words), FOLDER))


def _add_say(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", help="such as '/emporix jobs list'")
    parser.add_argument("--as", dest="user", default="ada", help="ada or grace")
    parser.add_argument("--channel", default="general", help="general, ops, secret or dm")
    parser.add_argument(
        "--click", dest="steps", action=_AddStep, metavar="LABEL", help="then click this button"
    )
    parser.add_argument(
        "--shortcut",
        dest="steps",
        action=_AddStep,
        metavar="NAME",
        help="then choose this shortcut",
    )
    parser.add_argument(
        "--home", dest="steps", action=_AddStep, nargs=0, help="then open the app's Home tab"
    )
    parser.add_argument(
        "--write",
        dest="steps",
        action=_AddStep,
        metavar="TEXT",
        help="then post this message in the channel",
    )
    parser.add_argument(
        "--submit",
        dest="steps",
        action=_AddStep,
        nargs="*",
        metavar="LABEL=VALUE",
        help="then fill in the modal and submit it",
    )
    parser.add_argument(
        "--close", dest="steps", action=_AddStep, nargs=0, help="then close the open modal"
    )
    parser.add_argument("--json", action="store_true", help="print what the bot sent to Slack")
    parser.set_defaults(run=_say, steps=[])


def _say(options: argparse.Namespace) -> Coroutine[Any, Any, int]:
    steps = [Step("command", [options.text])] if options.text else []
    return say(
        [*steps, *options.steps],
        user=options.user,
        channel=options.channel,
        as_json=options.json,
        folder=FOLDER,
    )


class _AddStep(argparse.Action):
    """Collects the steps in the order of the command line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = [values] if isinstance(values, str) else list(values or [])
        name = str(option_string).removeprefix("--")
        namespace.steps = [*namespace.steps, Step(name, given)]
