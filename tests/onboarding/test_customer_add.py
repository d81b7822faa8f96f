"""`capflow customer add NAME --from URI`: the file that it writes, what it says, and what it never shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from capflow_assets.simulator import Retailer, simulate, write
from capflow_resources.home import Home
from partitions.customer_file import check_customer_file, load_customer

Capflow = Callable[..., tuple[int, str, str]]
SHOP = Retailer("shop", "fashion", 60, date(2025, 5, 1), 400, seed=5, timezone="UTC")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    for kind in ("csv", "sqlite"):
        write(simulate(SHOP), kind, folder / kind)
    return folder


def test_the_file_passes_the_check_and_runs_to_validated(capflow: Capflow, home: Home, real_data: Path) -> None:
    told = ("--currency", "UAH", "--timezone", "Europe/Kyiv", "--vertical", "coffee")
    code, out, err = capflow("customer", "add", "vendcafe", "--from", str(real_data / "vendcafe"), *told)
    assert code == 0, err
    assert "3,899 rows" in out
    assert "+ churn" in out
    path = home.customers_folder / "vendcafe.yaml"
    assert check_customer_file(path, home.environment()) == []
    assert capflow("customer", "check", "vendcafe")[0] == 0
    assert load_customer(path, {}).currency == "UAH"
    code, out, err = capflow("run", "--customer", "vendcafe", "--until", "validated", "--json")
    assert code == 0, err
    status = {outcome["asset"]: outcome["status"] for outcome in json.loads(out)}
    assert (status["validated/line_items"], status["validated/items"]) == ("done", "done")


def test_what_only_the_retailer_knows_is_asked(capflow: Capflow, home: Home, shop: Path) -> None:
    code, out, _ = capflow("customer", "add", "acme", "--from", str(shop / "sqlite"), "--json")
    assert code == 0
    found = json.loads(out)
    asked = [question.split(":")[0] for question in found["questions"][:3]]
    assert asked == ["vertical", "currency", "timezone"]
    text = (home.customers_folder / "acme.yaml").read_text()
    assert "currency: XXX  # ?" in text
    assert check_customer_file(home.customers_folder / "acme.yaml", {}) == []
    assert found["tables"]["line_items"]["columns"]["bill_id"]["from"] == ["ticket_no"]
    assert found["tables"]["line_items"]["first"][0]["bill_id"]
    assert set(found["models"]) >= {"churn", "cltv"}
    assert "shoppers" in found["models"]["churn"], "60 shoppers are too few"


def test_a_file_is_not_overwritten_unless_asked(capflow: Capflow, home: Home, shop: Path) -> None:
    home.customers_folder.mkdir(parents=True)
    path = home.customers_folder / "acme.yaml"
    path.write_text("mine")
    code, out, err = capflow("customer", "add", "acme", "--from", str(shop / "sqlite"))
    assert (code, out) == (2, "")
    assert "--replace" in err
    assert path.read_text() == "mine"
    assert capflow("customer", "add", "acme", "--from", str(shop / "sqlite"), "--replace")[0] == 0
    assert path.read_text() != "mine"


def test_a_variable_stays_a_variable(capflow: Capflow, home: Home, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATA", str(shop))
    assert capflow("customer", "add", "acme", "--from", "${SHOP_DATA}/csv")[0] == 0
    customer = load_customer(home.customers_folder / "acme.yaml", {"SHOP_DATA": "/elsewhere"})
    assert {source.uri for source in customer.sources.values()} == {
        "/elsewhere/csv/sales_*.csv",
        "/elsewhere/csv/shoppers.csv",
        "/elsewhere/csv/products.csv",
        "/elsewhere/csv/mailings.csv",
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Acme", "--from", "."], "hold only a-z"),
        (["acme"], "add --from URI"),
        (["acme", "--from", "{nowhere}"], "no file matches"),
        (["acme", "--from", "postgess://u:hunter2@h/d"], "did you mean 'postgres'?"),
        (["acme", "--from", "${NOWHERE_AT_ALL}/x"], "environment variable NOWHERE_AT_ALL is not set"),
        (["acme", "--from", "{shop}", "--timezone", "Europe/Londn"], "did you mean 'Europe/London'?"),
        (["acme", "--from", "{shop}", "--currency", "pounds"], "three capital letters"),
        (["acme", "--from", "{shop}", "--option", "delimiter"], "must be like"),
        (["acme", "--from", "{shop}", "--option", "delimitr=;"], "no kind of source has it"),
        (["acme", "--from", "{shop}", "--time-limit", "0.0001"], "--time-limit"),
        (["acme", "--from", "{shop}/products.csv"], "no table here holds sales"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    capflow: Capflow, home: Home, shop: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    words = [
        word.replace("{nowhere}", str(tmp_path / "nowhere")).replace("{shop}", str(shop / "csv")) for word in words
    ]
    code, out, err = capflow("customer", "add", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1
    assert "hunter2" not in err
    assert not list(home.customers_folder.glob("*"))


def test_secrets_are_replaced_by_variables_and_never_shown(capflow: Capflow, home: Home, postgres: str) -> None:
    import psycopg

    lines = simulate(SHOP).line_items
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as database:
        database.execute("DROP SCHEMA IF EXISTS onboarded CASCADE")
        database.execute("CREATE SCHEMA onboarded")
        database.execute(
            "CREATE TABLE onboarded.sale"
            " (receipt text, member text, sku text, sold_at timestamp, qty int, price float8)"
        )
        kept = lines[["bill_id", "user_id", "item_id", "ts", "quantity", "unit_price"]].astype(object)
        with database.cursor().copy("COPY onboarded.sale FROM STDIN") as copy:
            for row in kept.where(kept.notna(), None).itertuples(index=False):
                copy.write_row((*row[:4], int(row[4]), row[5]))
        database.execute("DROP ROLE IF EXISTS onboarder")
        database.execute("CREATE ROLE onboarder LOGIN PASSWORD 'p4ss%w0rd'")
        database.execute("GRANT USAGE ON SCHEMA onboarded TO onboarder; GRANT SELECT ON onboarded.sale TO onboarder")
    server = postgres.rpartition("@")[2].rpartition("//")[2]
    code, out, err = capflow(
        "customer", "add", "acme", "--from", f"postgresql://onboarder:p4ss%25w0rd@{server}/postgres"
    )
    assert code == 0, err
    text = (home.customers_folder / "acme.yaml").read_text()
    for shown in (out, err, text):
        assert "p4ss" not in shown
        assert "onboarder" not in shown
    assert f'uri: "postgresql://${{ACME_USER}}:${{ACME_PASSWORD}}@{server}/postgres"' in text
    assert 'table: "onboarded.sale"' in text
    assert "Set ACME_USER and ACME_PASSWORD" in out
    assert capflow("customer", "check", "acme")[0] == 2
    environment = {"ACME_USER": "onboarder", "ACME_PASSWORD": "p4ss%25w0rd"}
    assert check_customer_file(home.customers_folder / "acme.yaml", environment) == []
    code, _, err = capflow("customer", "add", "other", "--from", f"postgresql://onboarder:wr0ng@{server}/postgres")
    assert code == 2
    assert "wr0ng" not in err
    assert len(err.strip().splitlines()) == 1
