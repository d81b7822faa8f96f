"""What every feature set promises, tested on each one in the registry."""

import subprocess
import sys
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.snapshots import build_snapshots, cut_before
from capflow_assets.run.catalogue import feature_sets
from tests.features.feature_oracle import oracle
from tests.features.feature_world import AS_OF, frame, random_contacts, random_items, random_lines, world

# What compares a shopper with others, or an item with its others, and so may move when there are more of them.
COMPARED = {
    "rfm": {"recency_score", "frequency_score", "monetary_score"},
    "price": {feature.name for feature in feature_sets()["price"].features} - {"discounted_share", "discount_depth"},
    "campaigns": {"response_rate"},
}
IDS = ("user_id", "bill_id", "item_id", "store_id", "campaign_id")
each_set = pytest.mark.parametrize("feature_set", feature_sets().values(), ids=lambda s: s.name)
of_users = pytest.mark.parametrize(
    "feature_set", [s for s in feature_sets().values() if "user_id" in s.key], ids=lambda s: s.name
)
of_giftco = pytest.mark.parametrize(
    "feature_set", [s for s in feature_sets().values() if {*s.tables} <= {"bills", "line_items"}], ids=lambda s: s.name
)


def test_importing_feature_sets_loads_no_heavy_library() -> None:
    code = "import sys, capflow_assets.features.snapshots; print([m for m in ('ibis', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@each_set
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_feature_equals_the_sql_oracle(feature_set: FeatureSet, seed: int) -> None:
    tables = world(random_lines(seed))
    assert_equal(frame(feature_set.build(cut_before(tables, AS_OF), AS_OF)), oracle(tables, feature_set.name, AS_OF))


@each_set
def test_every_feature_equals_the_sql_oracle_in_the_middle_of_a_day(feature_set: FeatureSet) -> None:
    tables, noon = world(random_lines(4)), AS_OF - timedelta(days=3, hours=11, minutes=30)
    assert_equal(frame(feature_set.build(cut_before(tables, noon), noon)), oracle(tables, feature_set.name, noon))


@of_giftco
def test_every_feature_of_giftco_equals_the_sql_oracle(feature_set: FeatureSet, giftco: dict[str, ibis.Table]) -> None:
    as_of = datetime(2010, 9, 1) if feature_set.key == ("user_id",) else datetime(2009, 12, 15)
    got = frame(feature_set.build(cut_before(giftco, as_of), as_of))
    assert len(got) > 2_500
    assert_equal(got, oracle(giftco, feature_set.name, as_of))


@each_set
def test_the_table_has_the_declared_columns_and_types(feature_set: FeatureSet) -> None:
    schema = feature_set.build(cut_before(world(random_lines(1, bills=20)), AS_OF), AS_OF).schema()
    assert list(schema.items()) == [(name, ibis.dtype("string")) for name in feature_set.key] + [
        (f.name, ibis.dtype(f.dtype)) for f in feature_set.features
    ]


@each_set
def test_every_feature_says_its_value_in_words(feature_set: FeatureSet) -> None:
    for feature in feature_set.features:
        said = feature.phrase.format(value=3.0)
        assert "3" in said, feature.name
        assert "{" not in said, feature.name
        assert feature.description.endswith("."), feature.name


@each_set
def test_it_compiles_for_spark(feature_set: FeatureSet) -> None:
    class PysparkOptions(ibis.config.Config):
        treat_nan_as_null: bool = False

    kept = ibis.options.pyspark
    try:
        ibis.options.pyspark = kept or PysparkOptions()
        dates = [AS_OF, AS_OF - timedelta(days=30)]
        sql = ibis.to_sql(build_snapshots(feature_set, world(random_lines(1, bills=20)), dates), dialect="pyspark")
    finally:
        ibis.options.pyspark = kept
    for feature in feature_set.features:
        assert f"`{feature.name}`" in sql


def test_no_two_sets_of_a_model_share_a_column() -> None:
    names = [f.name for feature_set in feature_sets().values() if feature_set.key == ("user_id",)
             for f in feature_set.features]  # fmt: skip
    assert len(names) == len(set(names))


@of_users
def test_a_retailer_without_identified_shoppers_gives_an_empty_table(feature_set: FeatureSet) -> None:
    tables = world(random_lines(1, bills=20).assign(user_id=None), contacts=random_contacts(1).head(0))
    assert len(frame(feature_set.build(cut_before(tables, AS_OF), AS_OF))) == 0


@each_set
def test_row_order_and_renamed_ids_change_nothing(feature_set: FeatureSet) -> None:
    lines = random_lines(5)
    expected = frame(feature_set.build(cut_before(world(lines), AS_OF), AS_OF))
    other = world(
        *(renamed(table.sample(frac=1, random_state=1)) for table in (lines, random_items(), random_contacts(3)))
    )
    got = frame(feature_set.build(cut_before(other, AS_OF), AS_OF))
    keys = list(feature_set.key)
    got = got.assign(**{key: got[key].str.split("-").str[1] for key in keys}).sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(got.astype(expected.dtypes), expected, check_exact=True)


@of_users
def test_other_shoppers_change_nothing_but_what_compares_with_them(feature_set: FeatureSet) -> None:
    lines, contacts = random_lines(6), random_contacts(3)
    few = [f"u{k}" for k in range(10)]
    fewer = world(lines[lines.user_id.isin(few)], contacts=contacts[contacts.user_id.isin(few)])
    alone = frame(feature_set.build(cut_before(fewer, AS_OF), AS_OF))
    among = frame(feature_set.build(cut_before(world(lines, contacts=contacts), AS_OF), AS_OF))
    among = among[among.user_id.isin(alone.user_id)].reset_index(drop=True)
    compared = list(COMPARED.get(feature_set.name, ()))
    among, alone = among.drop(columns=compared), alone.drop(columns=compared)
    pd.testing.assert_frame_equal(among.astype(alone.dtypes), alone, check_exact=True)


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    """Every id with something in front of it that puts them in another order."""
    names = [name for name in IDS if name in table.columns]
    return table.assign(**{name: table[name].map(lambda v: v if pd.isna(v) else f"{hash_of(v)}-{v}") for name in names})


def hash_of(value: str) -> str:
    import hashlib

    return hashlib.sha256(value.encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", ["basket", "price"])
def test_without_an_optional_table_only_what_needs_it_is_unknown(name: str) -> None:
    feature_set, tables = feature_sets()[name], world(random_lines(8))
    whole, without = (
        frame(feature_set.build({k: t for k, t in cut_before(tables, AS_OF).items() if k not in left}, AS_OF))
        for left in ((), feature_set.optional_tables)
    )
    unknown = [f.name for f in feature_set.features if without[f.name].isna().all()]
    assert unknown == {
        "basket": [
            "distinct_departments", "distinct_categories", "top_department_share", "department_entropy",
            "distinct_brands", "brand_concentration",
        ],
        "price": ["price_tier"],
    }[name]  # fmt: skip
    assert whole[unknown].notna().any().all()
    pd.testing.assert_frame_equal(without.drop(columns=unknown), whole.drop(columns=unknown), check_exact=True)


def assert_equal(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(got.columns) == set(expected.columns)
    keys = [name for name in ("user_id", "item_id", "other_item_id") if name in got.columns]
    pd.testing.assert_frame_equal(got[keys], expected[keys])
    for name in got.columns.drop(keys):
        np.testing.assert_allclose(
            got[name].astype(float), expected[name].astype(float), rtol=1e-9, atol=1e-12, equal_nan=True, err_msg=name
        )
