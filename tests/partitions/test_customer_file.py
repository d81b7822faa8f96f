"""A customer file either becomes a customer, or every mistake in it is explained by its line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from partitions.customer import ColumnMapping, ReturnRule, Source
from partitions.customer_file import CustomerFileError, check_customer_file, load_customer

GOOD = """\
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
tier: gold
engine: duckdb
models: [churn, cltv]
sources:
  sales: {kind: csv, uri: "${ACME_DATA}/sales_*.csv", options: {delimiter: ";", encoding: latin-1}}
  till: {kind: sqlite, uri: "${ACME_DATA}/till.db"}
tables:
  line_items:
    source: sales
    columns:
      bill_id: Invoice
      item_id: [Brand, Code]
      user_id: Customer
      ts: {column: [Day, Time], format: "%d.%m.%Y > %H:%M", timezone: UTC}
      quantity: Quantity
      unit_price: Price
      channel: {value: store}
    returns: "starts with C in bill_id"
    drop_items: [POST, 007, NO, BANK CHARGES]
    drop_duplicates: true
  users: {source: till, table: member, columns: {user_id: id}, attributes: [Home Owner, age], distinct: true}
thresholds: {invalid_share: 0.05}
destinations: []
"""
ENVIRON = {"ACME_DATA": "/data/acme"}


@pytest.fixture
def write(tmp_path):
    def written(text: str) -> Path:
        path = tmp_path / "customers" / "acme.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_good_file_becomes_a_customer(write):
    path = write(GOOD)
    customer = load_customer(path, ENVIRON)
    assert (customer.name, customer.currency, customer.timezone, customer.tier) == (
        "acme",
        "GBP",
        "Europe/London",
        "gold",
    )
    assert customer.models == ("churn", "cltv")
    assert customer.path == path
    assert customer.thresholds == {"invalid_share": 0.05}
    assert customer.sources["sales"] == Source(
        "sales", "csv", "/data/acme/sales_*.csv", {"delimiter": ";", "encoding": "latin-1"}
    )
    lines = customer.tables["line_items"]
    assert lines.columns["bill_id"] == ColumnMapping(columns=("Invoice",))
    assert lines.columns["item_id"] == ColumnMapping(columns=("Brand", "Code"))
    assert lines.columns["ts"] == ColumnMapping(("Day", "Time"), format="%d.%m.%Y > %H:%M", timezone="UTC")
    assert lines.columns["channel"] == ColumnMapping(value="store")
    assert lines.returns == ReturnRule("bill_id", "C")
    assert lines.drop_items == ("POST", "007", "NO", "BANK CHARGES"), "numbers and NO stay as they are written"
    assert lines.drop_duplicates
    assert customer.tables["users"].attributes == ("Home Owner", "age")
    assert customer.tables["users"].options == {"table": "member", "distinct": True}


def test_what_may_be_left_out_has_defaults(write):
    short = GOOD.replace("tier: gold\nengine: duckdb\nmodels: [churn, cltv]\n", "")
    customer = load_customer(write(short.split("thresholds")[0]), ENVIRON)
    assert (customer.tier, customer.engine.kind, customer.models, customer.thresholds) == ("silver", "duckdb", None, {})
    assert load_customer(write(GOOD.replace("[churn, cltv]", "all")), ENVIRON).models is None


MISTAKES = [
    ("sources:\n", "sorces:\n", 8, "unknown key 'sorces' under the customer file; did you mean 'sources'?"),
    ("sources:\n", "sorces:\n", 1, "'sources' is missing; add 'sources: ...' to the customer file"),
    ("name: acme", "name: acmee", 1, "name 'acmee' differs from the file's name 'acme'; make both the same"),
    ("name: acme", "name: Acme!", 1, "name 'Acme!' may hold only a-z"),
    ("name: acme", "name:", 1, "name has no value"),
    ("vertical: gifts", "vertical: [a]", 2, "vertical must be one text, not a list"),
    ("currency: GBP", "currency: gbp", 3, "currency 'gbp' must be three capital letters"),
    ("Europe/London", "Europe/Lodnon", 4, "time zone 'Europe/Lodnon' does not exist; did you mean 'Europe/London'?"),
    ("tier: gold", "tier: golden", 5, "unknown tier 'golden'; did you mean 'gold'?"),
    ("engine: duckdb", "engine: duck", 6, "unknown engine 'duck'; did you mean 'duckdb'?"),
    ("models: [churn", "models: [churm", 7, "unknown model 'churm'; did you mean 'churn'?"),
    ("models: [churn, cltv]", "models: churn", 7, "models must be 'all' or a list"),
    ("kind: csv", "kind: cvs", 9, "unknown kind of source 'cvs'; did you mean 'csv'?"),
    ("kind: csv, ", "", 9, "sources.sales has no 'kind'"),
    ("delimiter:", "delimeter:", 9, "unknown key 'delimeter' under sources.sales.options; did you mean 'delimiter'?"),
    ("${ACME_DATA}/sales", "${ACME_DIR}/sales", 9, "environment variable ACME_DIR is not set; sources.sales.uri needs"),
    ("${ACME_DATA}/sales", "${ACME-DATA}/sales", 9, "sources.sales.uri has a '${' that is not a variable"),
    ("  line_items:", "  line_item:", 12, "unknown key 'line_item' under tables; did you mean 'line_items'?"),
    ("source: sales", "source: sale", 13, "unknown source 'sale' under tables.line_items; did you mean 'sales'?"),
    ("item_id: [", "item: [", 16, "unknown key 'item' under tables.line_items.columns; did you mean 'item_id'?"),
    ("item_id: [", "item: [", 15, "tables.line_items.columns maps no item_id, which line_items needs"),
    ("unit_price: Price", "discount: Price", 15, "maps no unit_price or amount, which line_items needs"),
    ("quantity: Quantity", "quantity: [a, b]", 19, "columns.quantity is a number; several columns can only be joined"),
    ("{value: store}", "{valeu: store}", 21, "unknown key 'valeu'"),
    ("{value: store}", "{value: store, column: x}", 21, "must have either 'column' or 'value'"),
    ("{value: store}", "{column: x, format: '%Y'}", 21, "format is only for times"),
    ('"%d.%m.%Y > %H:%M"', '"%d.%m > %H:%M"', 18, "has no year"),
    ('"%d.%m.%Y > %H:%M"', '"%d.%m.%Y %Q"', 18, "is wrong: 'Q' is a bad directive"),
    ('"%d.%m.%Y > %H:%M"', '"%Y %z"', 18, "cannot read time zones"),
    ("timezone: UTC", "timezone: UCT+1", 18, "time zone 'UCT+1' does not exist"),
    ("starts with C in bill_id", "C in bill_id", 22, 'is not understood; write it like: "starts with C in bill_id"'),
    ("starts with C in bill_id", "starts with C in bill", 22, "'bill', which is not mapped; did you mean 'bill_id'?"),
    ("[POST, 007, NO, BANK CHARGES]", "POST", 23, "tables.line_items.drop_items must be a list"),
    ("drop_duplicates: true", "drop_duplicates: maybe", 24, "drop_duplicates must be true or false"),
    ("drop_duplicates: true", "attributes: [a]", 24, "unknown key 'attributes' under tables.line_items"),
    ("table: member, ", "", 25, "tables.users has no 'table'; add 'table: ...' with the name it has in 'till'"),
    ("    source: sales", "    source: sales\n    table: x", 14, "does not apply to a csv source"),
    ("    source: sales", "    source: sales\n    explode: x", 14, "explode does not apply to a csv source"),
    ("[Home Owner, age]", "[Home Owner, home_owner]", 25, "would become the same column"),
    ("0.05", "few", 26, "thresholds.invalid_share must be a number"),
    ("destinations: []", "destinations: [s3]", 27, "destinations are not supported yet"),
    ("tier: gold", "name: acme", 5, "key 'name' appears twice under the customer file"),
]


@pytest.mark.parametrize(("good", "bad", "line", "message"), MISTAKES, ids=[f"{m[2]}-{m[1]}" for m in MISTAKES])
def test_each_mistake_is_explained_by_its_line(write, good, bad, line, message):
    assert good in GOOD
    problems = check_customer_file(write(GOOD.replace(good, bad, 1)), ENVIRON, known_models=("churn", "cltv"))
    assert any(problem.line == line and message in problem.message for problem in problems), problems


def test_the_good_file_has_no_problem(write):
    assert check_customer_file(write(GOOD), ENVIRON, known_models=("churn", "cltv")) == []
    assert check_customer_file(write(GOOD.replace("churn", "anything")), ENVIRON) == [], "no models known: none checked"


def test_all_mistakes_come_at_once_in_the_order_of_lines(write):
    text = GOOD.replace("GBP", "pounds").replace("tier: gold", "tier: tin").replace("source: sales", "source: shop")
    with pytest.raises(CustomerFileError) as caught:
        load_customer(write(text), ENVIRON)
    assert [problem.line for problem in caught.value.problems] == [3, 5, 13]
    assert (
        str(caught.value).splitlines()[1]
        == "customers/acme.yaml:5: unknown tier 'tin'; choose from gold, silver, bronze"
    )


def test_secrets_never_appear_in_a_message(write):
    text = GOOD.replace("kind: csv", "kind: cvs").replace("source: sales", "source: shop")
    problems = check_customer_file(write(text), {"ACME_DATA": "s3cret"})
    assert problems
    assert not any("s3cret" in str(problem) for problem in problems)


def test_only_sources_take_variables(write):
    customer = load_customer(write(GOOD.replace("vertical: gifts", 'vertical: "${ACME_DATA}"')), ENVIRON)
    assert customer.vertical == "${ACME_DATA}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold 'key: value' lines"),
        ("- a\n- b\n", "must hold 'key: value' lines"),
        ("a: [", "this is not YAML"),
        ("sources:\n  s: {kind: csv, uri: ${X}/a.csv}\n", "inside { } put quotes around text with ${...}"),
        ("a:\n\tb: 1\n", "indent with spaces"),
        ("a: 1\n---\nb: 2\n", "this is not YAML"),
    ],
)
def test_what_is_no_customer_file_is_told(write, text, message):
    assert any(message in str(problem) for problem in check_customer_file(write(text), {}))


def test_a_missing_or_unreadable_file_is_told(tmp_path):
    assert "there is no such file" in str(check_customer_file(tmp_path / "acme.yaml", {})[0])
    (tmp_path / "acme.yaml").write_bytes(b"name: caf\xe9")
    assert "save it as UTF-8" in str(check_customer_file(tmp_path / "acme.yaml", {})[0])


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
KEYS = ["name", "currency", "timezone", "models", "sources", "tables", "thresholds", "destinations", "tier"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSONISH), st.sampled_from(["", "sources", "line_items"]), JSONISH)
def test_no_yaml_makes_the_check_fail(tmp_path_factory, top, place, inner):
    content = yaml.safe_load(GOOD) | top
    if place == "sources":
        content["sources"] = {"sales": inner}
    if place == "line_items":
        content["tables"] = {"line_items": {"source": "sales", "columns": inner, "returns": inner, "distinct": inner}}
    path = tmp_path_factory.mktemp("customers") / "acme.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    problems = check_customer_file(path, ENVIRON)
    if not problems:
        assert load_customer(path, ENVIRON).name == "acme"
    assert all(problem.line >= 1 and problem.message for problem in problems)


def test_the_documented_example_is_a_customer_file(tmp_path):
    document = Path(__file__).parents[2] / "docs" / "customer-file.md"
    path = tmp_path / "giftco.yaml"
    path.write_text(document.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert check_customer_file(path, {"GIFTCO_DATA": "/data"}) == []
