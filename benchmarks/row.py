"""One row of the table of all published numbers: each benchmark writes its own, benchmarks/published.py prints them."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = "CAPFLOW_ROWS"


def row(model: str, data: str, ours: str, baseline: str, published: str, source: str) -> None:
    """Add a row to the file that CAPFLOW_ROWS names; nothing where it names none."""
    if path := os.environ.get(FILE):
        said = {"ours": ours, "baseline": baseline, "published": published, "source": source}
        with Path(path).open("a", encoding="utf-8") as rows:
            rows.write(json.dumps({"model": model, "data": data, **said}) + "\n")
