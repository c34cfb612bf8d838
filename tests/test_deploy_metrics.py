"""The alerting rules and the dashboard in deploy/ use metrics that exist, in valid expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import promql_parser
import pytest
import yaml

from bot.metrics import METRICS, OTHER, Metric
from tests.harness.source_code import PROJECT

STANDARD = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Metrics of Prometheus itself, and of its client library."""

RULES = yaml.safe_load((PROJECT / "deploy/alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((PROJECT / "deploy/grafana.json").read_text(encoding="utf-8"))

ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    shown = [target["expr"] for panel in PANELS for target in panel["targets"]]
    return [rule["expr"] for rule in ALERTS] + [
        expression.replace("$__rate_interval", "5m") for expression in shown
    ]


def series() -> dict[str, Metric]:
    """The names of all time series, and their metrics."""
    parts = {"histogram": ("_bucket", "_count", "_sum")}
    return {
        metric.name + part: metric for metric in METRICS for part in parts.get(metric.kind, ("",))
    }


def selectors(expression: Any) -> Iterator[Any]:
    """All vector selectors in a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("vector_selector", "expr", "lhs", "rhs", "args"):
        part = getattr(expression, name, None)
        for one in part if isinstance(part, list) else [part]:
            if one is not None:
                yield from selectors(one)


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_uses_what_exists(expression: str) -> None:
    """Each expression is valid PromQL, with metrics and values of labels that exist."""
    found = list(selectors(promql_parser.parse(expression)))
    assert found
    for selector in found:
        assert selector.name in STANDARD | series().keys()
        for matcher in selector.matchers.matchers if selector.name not in STANDARD else ():
            allowed = series()[selector.name].labels[matcher.name]
            assert set(matcher.value.split("|")) <= allowed - {OTHER}


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_groups_by_labels_that_exist(expression: str) -> None:
    """Sums and legends are by labels of the metric in the same expression."""
    (name, *_) = [one.name for one in selectors(promql_parser.parse(expression))]
    labels = {"instance", "le", *(series()[name].labels if name in series() else ())}
    named = re.findall(r"by \(([\w, ]+)\)", expression)
    assert {label for names in named for label in names.split(", ")} <= labels


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_sees_the_first_event(alert: dict[str, Any]) -> None:
    """The counters in an alert begin at 0: Prometheus sees no increase from nothing to 1."""
    for selector in selectors(promql_parser.parse(alert["expr"])):
        metric = series().get(selector.name)
        if metric is None or metric.kind == "gauge":
            continue
        named = {one.name: set(one.value.split("|")) for one in selector.matchers.matchers}
        wanted = [named.get(label, values - {OTHER}) for label, values in metric.labels.items()]
        assert set(product(*wanted)) <= set(metric.initial_series())


def test_every_metric_is_on_the_dashboard() -> None:
    """The dashboard shows each metric."""
    shown = json.dumps([panel["targets"] for panel in PANELS])
    assert [metric.name for metric in METRICS if metric.name not in shown] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_complete(alert: dict[str, Any]) -> None:
    """Each alert has a severity, a summary and a description whose labels its expression keeps."""
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"].keys() == {"summary", "description"}
    for label in re.findall(r"\$labels\.(\w+)", alert["annotations"]["description"]):
        assert re.search(rf"by \([^)]*\b{label}\b", alert["expr"]) or label == "instance"


def test_panels_do_not_overlap() -> None:
    """Each panel has its own id and place, in a grid of 24 columns."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
