"""Documents and facts that an earlier CapFlow (ddc0d61) left in a lake are read, and written under the same keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from capflow_assets.contract.validation_report import ModelAvailability, ValidationReport
from capflow_assets.raw.asset import RawFacts
from capflow_assets.validated.audit.record import AuditRecord
from capflow_assets.validated.facts import ValidatedFacts
from capflow_assets.validation.report import Report

BLAME = {
    "check": "greater_than_or_equal_to", "table": "line_items", "column": "unit_price", "rows": 2, "share": 0.001,
    "bound": 0.01, "blocks": False, "message": "line_items: in 2 of 2,000 rows it is.", "remedy": "Send prices.",
    "sample": [{"bill_id": "7", "unit_price": -1.0}], "rows_at": "quarantine/line_items",
}  # fmt: skip
FINDING = {
    "kpi": "freshness_days", "value": 1.0, "low": None, "high": 35, "source": "default", "severity": "warn",
    "passed": True, "message": "freshness_days of 'ann' is 1.", "remedy": "", "rule": "A rule.",
}  # fmt: skip
REPORT = {
    "customer": "ann", "as_of": "2026-07-01T00:00:00", "values": {"users": 3.0, "spend_shift": None},
    "findings": [FINDING],
    "distributions": [{"name": "repeat", "title": "Repeats", "x": "bills", "y": "users", "limit": 50,
                       "counts": [[1, 2], [4, 1]], "note": ""}],
    "series": [{"name": "daily_bills", "title": "bills a day", "unit": "bills", "first_day": "2026-06-30",
                "values": [3.0], "low": [None], "high": [5.0]}],
    "offences": [BLAME],
}  # fmt: skip
STORED = {
    "fingerprint": "0123456789abcdef", "today": "2026-07-02T00:00:00", "raw": {"line_items": 3},
    "validated": {"line_items": 2, "bills": 2}, "as_of": "2026-07-01T00:00:00", "first_sale": "2025-01-01T09:30:00",
    "users": 3, "bills": 6, "measures": {"items": 12, "language": None}, "report": json.dumps(REPORT),
    "models": [{"model": "churn", "available": False, "reason": "needs at least 50 identified shoppers"}],
}  # fmt: skip
AUDIT = {
    "table": "line_items", "passed": True, "rows": 2001, "accepted": 1998, "set_aside": 2, "readmitted": 1,
    "given_back": {"corrected": 1}, "left_out": {"drop_items: POST": 1}, "waiting": 0, "source": "raw/line_items",
    "raw": 3, "given": 0, "fingerprint": "fedcba9876543210", "offences": [BLAME],
}  # fmt: skip
RAW = {
    "fingerprint": "0123456789abcdef", "source": "till", "settings": "abc", "mode": "incremental",
    "read_in_full": "2026-07-01T05:00:00+00:00", "watermark": {"kind": "time", "value": "2026-06-30T23:00:00"},
    "rows_read": 5, "rows_late": 1, "rows_replaced": 0, "columns": {"Bill": "VARCHAR"}, "new_columns": ["Colour"],
}  # fmt: skip


def test_a_validation_report() -> None:
    report = ValidationReport.from_json(json.dumps(STORED))
    assert (report.as_of, report.first_sale) == (datetime(2026, 7, 1), datetime(2025, 1, 1, 9, 30))
    assert (report.users, report.bills, report.history_days) == (3, 6, 545)
    assert report.models == (ModelAvailability("churn", False, "needs at least 50 identified shoppers"),)
    assert json.loads(report.to_json()) == STORED


def test_a_validation_report_without_times_or_versions() -> None:
    older = {name: value for name, value in STORED.items() if name not in ("raw", "validated", "measures", "models")}
    report = ValidationReport.from_json(json.dumps({**older, "as_of": None, "first_sale": None}))
    assert (report.as_of, report.history_days, report.raw, report.models) == (None, 0, {}, ())


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", json.dumps({**STORED, "today": 3})])
def test_anything_else_is_no_validation_report(text: str) -> None:
    with pytest.raises(ValueError, match="Validate the customer again"):
        ValidationReport.from_json(text)


def test_the_report_in_it() -> None:
    report = Report.from_json(STORED["report"])
    assert report.violations[0].rows_at == "quarantine/line_items"
    assert json.loads(report.to_json()) == REPORT


def test_an_audit() -> None:
    record = AuditRecord.from_json(json.dumps(AUDIT))
    assert (record.fingerprint, record.given, record.violations[0].rows) == ("fedcba9876543210", 0, 2)
    assert json.loads(record.to_json()) == AUDIT


def test_facts_of_a_raw_table() -> None:
    facts = RawFacts.from_facts(RAW)
    assert facts.read_in_full == datetime(2026, 7, 1, 5, tzinfo=UTC)
    assert facts.watermark is not None
    assert facts.watermark.value == datetime(2026, 6, 30, 23)
    assert facts.to_facts() == RAW
    whole = {name: RAW[name] for name in ("fingerprint", "source", "settings", "columns")}
    assert RawFacts.from_facts(whole).to_facts() == whole
    assert RawFacts.from_facts({"fingerprint": "0"}).columns == {}


def test_facts_of_a_validated_table() -> None:
    stored = {
        "fingerprint": "0",
        "inputs": {"raw/items": 1},
        "dropped": {},
        "content": {"columns": {}, "intervals": {}},
    }
    assert ValidatedFacts.from_facts(stored).to_facts() == stored
    assert ValidatedFacts.from_facts({"fingerprint": "0", "inputs": {}, "dropped": {}}).content is None
