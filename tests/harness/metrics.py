"""Reads the app's metrics as Prometheus does."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from bot import metrics
from bot.monitoring import LogCounter

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""Values by name and labels."""

_SELECTOR = re.compile(r'(\w+)(?:\{((?:\w+="[^"]*",?)*)\})?')


def parse(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def recorded() -> Samples:
    """The metrics of this process, without those that a scrape reads from Redis."""
    return parse(metrics.exposition()[0].decode())


def selected(samples: Samples, selector: str) -> float:
    """The sum of the time series that a selector such as `name{label="value"}` matches."""
    match = _SELECTOR.fullmatch(selector)
    assert match, selector
    wanted = set(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
    return sum(
        value for (name, labels), value in samples.items() if name == match[1] and wanted <= labels
    )


@contextmanager
def metrics_enabled() -> Iterator[None]:
    """Record metrics and count log lines; metrics stay on until the test process ends."""
    metrics.enable()
    counter = LogCounter(logging.WARNING)
    logging.getLogger().addHandler(counter)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(counter)
