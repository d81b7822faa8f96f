"""Which dates a model learns from: a month in which nothing came true is passed over, or told where it is all."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.models.campaign_response import CampaignResponse
from capflow_assets.models.campaign_uplift import CampaignUplift
from capflow_assets.training import dates as past

AS_OF = datetime(2026, 7, 1)
SENT = pd.DataFrame({"user_id": ["a", "b"], "label": [0, 1]})
TRIAL = pd.DataFrame({"user_id": ["a", "b"], "treated": [0, 1], "label": [0, 1]})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A customer whose data are enough; what came true after each date is up to the test."""
    monkeypatch.setattr(past, "explain_unmet", lambda model, facts: None)
    monkeypatch.setattr(past, "gather_facts", lambda run: None)
    monkeypatch.setattr(past, "require_current", lambda run, model: None)
    return SimpleNamespace(as_of=lambda: AS_OF, first_sale=lambda: datetime(2024, 1, 1))


def after(monkeypatch: pytest.MonkeyPatch, outcomes: dict[datetime, pd.DataFrame]) -> None:
    monkeypatch.setattr(past, "load_outcome", lambda run, model, date: outcomes.get(date, SENT.iloc[:0]))


def grid(run: Any, monkeypatch: pytest.MonkeyPatch) -> datetime:
    after(monkeypatch, {AS_OF - timedelta(days=days): SENT for days in range(400)})
    return past.choose_dates(run, CampaignResponse()).test


def test_the_latest_date_is_tested_on_where_something_came_true(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    test = grid(run, monkeypatch)
    assert test + timedelta(days=30) <= AS_OF < test + timedelta(days=61)


def test_a_month_without_a_campaign_is_passed_over(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = grid(run, monkeypatch)
    earlier = latest - timedelta(days=30)
    after(monkeypatch, {earlier: SENT})
    chosen = past.choose_dates(run, CampaignResponse())
    assert chosen.test == earlier
    assert max(chosen.train) + timedelta(days=30) <= earlier


def test_campaigns_long_ago_are_no_test(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = grid(run, monkeypatch)
    after(monkeypatch, {latest - timedelta(days=150): SENT})
    with pytest.raises(NotAvailable, match=r"campaign_response: nobody to test on in the 30 days after"):
        past.choose_dates(run, CampaignResponse())


def test_uplift_needs_a_control_group_in_the_test(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = grid(run, monkeypatch)
    everybody = TRIAL.assign(treated=1)
    after(monkeypatch, {latest: everybody, latest - timedelta(days=60): TRIAL})
    assert past.choose_dates(run, CampaignUplift()).test == latest - timedelta(days=60)


def test_past_dates_in_which_nothing_came_true_are_not_learned_from(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = past.TrainingDates((datetime(2026, 3, 1), datetime(2026, 4, 1)), datetime(2026, 5, 1))
    monkeypatch.setattr(past, "require_both_classes", lambda run, model, past: None)

    def lived(run: Any, model: Any, date: datetime) -> Any:
        return SimpleNamespace(as_of=date, outcome=SENT if date != datetime(2026, 3, 1) else SENT.iloc[:0])

    monkeypatch.setattr(past, "load_labelled_snapshot", lived)
    train, test = past.load_training_snapshots(run, CampaignResponse(), chosen)
    assert [one.as_of for one in train] == [datetime(2026, 4, 1)]
    assert test.as_of == datetime(2026, 5, 1)
    with pytest.raises(NotAvailable, match="nothing came true after 2026-03-01"):
        past.load_training_snapshots(
            run, CampaignResponse(), past.TrainingDates((datetime(2026, 3, 1),), datetime(2026, 5, 1))
        )


def test_a_model_whose_library_is_not_installed_is_not_available(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CampaignResponse, "libraries", {"json": "plain", "no_such_library": "deep"})
    with pytest.raises(NotAvailable, match=r"needs no_such_library: pip install 'capflow\[deep\]'"):
        past.choose_dates(run, CampaignResponse())
