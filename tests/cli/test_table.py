"""The status table says a reason as it is, brackets and all."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from capflow_assets.cli import output as table
from capflow_assets.run.status import ModelStatus


def test_brackets_in_a_reason_and_an_interval_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=160, record=True, file=StringIO())
    monkeypatch.setattr(table, "CONSOLE", console)
    told = "needs torch: pip install 'capflow[deep]'"
    row = ModelStatus("ann", "churn", "passed", 1, "auc", 0.7, 0.65, 0.75, note=told)
    table.print_status([row])
    text = console.export_text()
    assert told in text
    assert "auc 0.7 [0.65, 0.75]" in text
