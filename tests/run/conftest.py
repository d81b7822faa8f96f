"""Plug-ins of other packages, offered for one test."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from capflow_assets.run import catalogue
from capflow_assets.run.plan import plan


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points that the catalogue finds: append to them before it is asked."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(catalogue, "entry_points", lambda group: points if group == "capflow.models" else [])
    _forget()
    yield points
    _forget()


def _forget() -> None:
    catalogue.forget()
    plan.cache_clear()
