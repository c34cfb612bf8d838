"""Runs the measurements and prints a line per figure. The exit status is 1 if a goal is missed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import signal
from collections.abc import Iterable, Sequence

import uvloop

import bench.figures
from bench.environment import Environment, open_environment
from bench.measurement import Measurement, measure

STOPPED = 130  # the exit status that shells use for Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named measurements, by default all. SIGTERM is handled like Ctrl-C."""
    known = {measurement.name: measurement for measurement in measurements()}
    parser = _parser(known)
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    chosen = [known[name] for name in asked.names or known]
    # A shell's background jobs ignore SIGINT, and SIGTERM would be ignored with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return uvloop.run(_in_environment(chosen, verbose=asked.verbose))
    except KeyboardInterrupt:
        return STOPPED


def measurements() -> list[Measurement]:
    """Return all measurements, found in the package of the figures."""
    package = bench.figures
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    ]
    return [one for module in modules for one in vars(module).values() if _is_measurement(one)]


async def take(environment: Environment, chosen: Iterable[Measurement], *, verbose: bool) -> int:
    """Run measurements one after another, so that they don't disturb each other."""
    short = 0
    for measurement in chosen:
        for figure in await measure(measurement, environment):
            short += figure.is_short
            print(figure, *([figure.spread()] if verbose else []), sep="\n", flush=True)
    return 1 if short else 0


async def _in_environment(chosen: Iterable[Measurement], *, verbose: bool) -> int:
    async with open_environment() as environment:
        return await take(environment, chosen, verbose=verbose)


def _is_measurement(value: object) -> bool:
    return isinstance(value, Measurement)


def _parser(names: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the app's speed (see docs/performance.md)"
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"only these: {', '.join(names)}")
    parser.add_argument("--verbose", action="store_true", help="show the value of each round")
    return parser
