"""The plots of a validation report, drawn once and kept beside it: drawing them costs more than judging again."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.html.page import sort_odd_first
from capflow_assets.validation.plots import draw_distribution, draw_series
from capflow_assets.validation.report import Report

PICTURES = "validation/plots.json"
DAYS = "KPIs by day"


def load_plots(run: CustomerRun, made: Report, mark: str) -> Mapping[str, bytes]:
    """Return PNG files by title: the distributions, and the daily figures in one. `fingerprint` is the report's."""
    content = None if run.force else run.home.lake.document(run.name, PICTURES)
    kept = json.loads(content) if content else {}
    if kept.get("fingerprint") == mark:
        return {title: b64decode(png) for title, png in kept["plots"].items()}
    drawn = {shape.title: draw_distribution(shape, made.customer) for shape in made.distributions}
    if made.series:
        drawn[DAYS] = draw_series(sort_odd_first(made), made.customer)
    texts = {title: b64encode(png).decode() for title, png in drawn.items()}
    run.home.lake.put_document(run.name, PICTURES, json.dumps({"fingerprint": mark, "plots": texts}).encode())
    return drawn
