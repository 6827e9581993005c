"""What dashboard and rules ask Prometheus."""

import json
import re
from typing import Any

from tests.monitoring.prometheus import MONITORING

_NAME = re.compile(r"\b(?:voxd|process)_[a-z0-9_]+\b", re.ASCII)
_OF_A_HISTOGRAM = re.compile(r"_(?:bucket|sum|count)$")
VARIABLES = {"$__rate_interval": "1m", "$tier": ".*"}
"""What Grafana would put there."""


def load_dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    text = (MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def dashboard_queries() -> dict[str, str]:
    """Panel and legend -> expression, without Grafana's variables."""
    found = {}
    for panel in load_dashboard()["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, expression
            found[f"{panel['title']} / {target['legendFormat']}"] = expression
    return found


def metrics_of(text: str) -> set[str]:
    """The names of metrics in any text; those of a histogram's parts as they are."""
    return set(_NAME.findall(text))


def is_told(metric: str, families: set[str]) -> bool:
    """Whether a metric is one of these families, or a part of one."""
    return metric in families or _OF_A_HISTOGRAM.sub("", metric) in families
