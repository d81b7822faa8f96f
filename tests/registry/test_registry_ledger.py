"""The ledger: one line a customer and asset, always the last attempt."""

from datetime import datetime

import pytest

from capflow_resources.registry import LedgerEntry, Registry


def test_the_last_attempt_stands(registry: Registry) -> None:
    registry.record_status("giftco", "model/churn", "failed", "no positives", run_id="r1")
    registry.record_status("giftco", "model/churn", "done", run_id="r2", as_of=datetime(2011, 6, 1))
    (outcome,) = registry.ledger("giftco")
    assert (outcome.status, outcome.reason, outcome.run_id) == ("done", "", "r2")
    assert outcome.as_of == datetime(2011, 6, 1)
    assert outcome.at is not None


def test_a_batch_is_one_transaction_and_its_later_line_stands(registry: Registry) -> None:
    batch = [
        LedgerEntry("grocerus", "model/churn", "blocked", "bills: 312 rows without user_id"),
        LedgerEntry("giftco", "model/churn", "waiting"),
        LedgerEntry("giftco", "model/churn", "done"),
    ]
    registry.record_entries(batch)
    assert [(one.customer, one.status) for one in registry.ledger()] == [("giftco", "done"), ("grocerus", "blocked")]
    with pytest.raises(ValueError, match="'perfect' is not an outcome"):
        registry.record_entries([LedgerEntry("giftco", "a", "done"), LedgerEntry("giftco", "b", "perfect")])  # type: ignore[arg-type]
    assert len(registry.ledger()) == 2


def test_an_empty_batch_does_nothing(registry: Registry) -> None:
    registry.record_entries([])
    assert registry.ledger() == []


def test_a_customer_reads_only_its_own(registry: Registry) -> None:
    registry.record_status("giftco", "model/churn", "done")
    registry.record_status("grocerus", "model/churn", "failed", "out of memory")
    assert [one.customer for one in registry.ledger("giftco")] == ["giftco"]
