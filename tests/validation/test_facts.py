"""What a customer's data has enough of: by the report as of now, as of an earlier date by the rows before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_assets.validation.needs.availability import gather_facts
from capflow_resources.home import Home


def test_an_earlier_date_knows_less_and_the_latest_as_much_as_the_report(
    home: Home, onboard: Callable[..., None]
) -> None:
    onboard("ann")
    file = home.customers_folder / "ann.yaml"
    file.write_text(file.read_text().replace("models: [", "models: [campaign_response, "))
    run = CustomerRun(home, "ann")
    assert not [one for one in run_customer(run, upstream(["validation/report"])) if one.stops]
    then = CustomerRun(home, "ann", as_of=datetime(2026, 1, 1))
    latest = CustomerRun(home, "ann", as_of=run.as_of())
    now, early = gather_facts(run), gather_facts(then)
    assert gather_facts(latest) == now

    bills, contacts = then.read("validated/bills"), then.read("validated/contacts")
    bought = bills.filter(bills.ts < datetime(2026, 1, 1), ~bills.is_return)
    assert early.bills == bought.count().execute() < now.bills
    assert early.users == bought.user_id.nunique().execute() <= now.users
    sent = contacts.filter(contacts.sent_at < datetime(2026, 1, 1)).count().execute()
    assert early.measures["contacts"] == sent < now.measures["contacts"]
    assert early.history_days == now.history_days - (run.as_of() - datetime(2026, 1, 1)).days
    then.close()
    latest.close()
    run.close()
