"""Bad input is told in one line with exit code 2, and every command answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from capflow_resources.home import Home

Onboard = Callable[..., None]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rum"], "no command 'rum'; did you mean 'run'?"),
        (["run"], "name customers with --customer NAME, or take --all"),
        (["run", "--customer", "an"], "no customer 'an'"),
        (["run", "--customer", "ann", "--model", "chrun"], "no model 'chrun'; did you mean 'churn'?"),
        (["run", "--customer", "ann", "--until", "feature"], "'feature' is not one of"),
        (["status", "--customer", "an"], "no customer 'an'"),
        (["rollback", "ann", "churn"], "churn"),
        (["predictions", "ann", "churn", "--out", "x.csv"], "has no predictions of churn"),
        (["predictions", "ann", "churn", "--out", "x.doc"], "must end in one of .csv, .parquet, .json"),
        (["customer", "check", "an"], "an.yaml does not exist"),
    ],
)
def test_bad_input_is_one_line(
    capflow: Callable[..., tuple[int, str, str]], home: Home, onboard: Onboard, words: list[str], told: str
) -> None:
    onboard("ann")
    code, out, err = capflow(*words)
    assert code == 2
    assert out == ""
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_a_customer_file_is_checked_and_added(
    capflow: Callable[..., tuple[int, str, str]], home: Home, onboard: Onboard, tmp_path: Path
) -> None:
    onboard("ann")
    good = tmp_path / "zoe.yaml"
    good.write_text((home.customers_folder / "ann.yaml").read_text().replace("name: ann", "name: zoe"))
    bad = tmp_path / "max.yaml"
    bad.write_text(good.read_text().replace("name: zoe", "name: max").replace("currency", "curency"))
    assert capflow("customer", "check", str(good))[0] == 0
    code, _, err = capflow("customer", "add", str(bad))
    assert code == 2
    assert "max.yaml:" in err
    assert "did you mean 'currency'?" in err
    assert capflow("customer", "add", str(good))[0] == 0
    code, out, _ = capflow("customer", "list", "--json")
    assert [row["name"] for row in json.loads(out)] == ["ann", "zoe"]


def test_a_port_in_use_is_told(capflow: Callable[..., tuple[int, str, str]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = capflow("dev", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "pass another --port" in err


def test_models_are_listed(capflow: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = capflow("model", "list", "--json")
    assert code == 0
    assert {row["name"] for row in json.loads(out)} >= {"churn", "cltv", "product_affinity", "rfm_segments"}


def test_one_broken_customer_file_does_not_hide_the_others(
    capflow: Callable[..., tuple[int, str, str]], home: Home, onboard: Onboard
) -> None:
    onboard("ann", "bob")
    (home.customers_folder / "bob.yaml").write_text("name: [", encoding="utf-8")
    code, out, _ = capflow("status", "--json")
    assert code == 0
    rows = json.loads(out)
    assert {row["data"] for row in rows if row["customer"] == "bob"} == {"failed"}
    assert {row["data"] for row in rows if row["customer"] == "ann"} == {"blocked"}
    code, out, _ = capflow("customer", "list", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)] == ["ann", "bob"]
    assert json.loads(out)[1]["mistakes"]
