"""What every feature set promises, tested on each one in the registry."""

import subprocess
import sys
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.features import FEATURE_SETS, FeatureSet
from capflow_assets.features.snapshots import before, snapshot_features
from tests.features.feature_oracle import oracle
from tests.features.feature_world import AS_OF, frame, random_lines, world

each_set = pytest.mark.parametrize("feature_set", FEATURE_SETS.values(), ids=lambda s: s.name)


def test_importing_feature_sets_loads_no_heavy_library() -> None:
    code = "import sys, capflow_assets.features.snapshots; print([m for m in ('ibis', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@each_set
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_feature_equals_the_sql_oracle(feature_set: FeatureSet, seed: int) -> None:
    tables = world(random_lines(seed))
    assert_equal(frame(feature_set.build(before(tables, AS_OF), AS_OF)), oracle(tables, feature_set.name, AS_OF))


@each_set
def test_every_feature_equals_the_sql_oracle_in_the_middle_of_a_day(feature_set: FeatureSet) -> None:
    tables, noon = world(random_lines(4)), AS_OF - timedelta(days=3, hours=11, minutes=30)
    assert_equal(frame(feature_set.build(before(tables, noon), noon)), oracle(tables, feature_set.name, noon))


@each_set
def test_every_feature_of_giftco_equals_the_sql_oracle(feature_set: FeatureSet, giftco: dict[str, ibis.Table]) -> None:
    as_of = datetime(2010, 9, 1)
    got = frame(feature_set.build(before(giftco, as_of), as_of))
    assert len(got) > 2_500
    assert_equal(got, oracle(giftco, feature_set.name, as_of))


@each_set
def test_the_table_has_the_declared_columns_and_types(feature_set: FeatureSet) -> None:
    schema = feature_set.build(before(world(random_lines(1, bills=20)), AS_OF), AS_OF).schema()
    assert dict(schema.items()) == {"user_id": ibis.dtype("string")} | {
        f.name: ibis.dtype(f.dtype) for f in feature_set.features
    }


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
        sql = ibis.to_sql(snapshot_features(feature_set, world(random_lines(1, bills=20)), dates), dialect="pyspark")
    finally:
        ibis.options.pyspark = kept
    for feature in feature_set.features:
        assert f"`{feature.name}`" in sql


@each_set
def test_a_retailer_without_identified_shoppers_gives_an_empty_table(feature_set: FeatureSet) -> None:
    tables = world(random_lines(1, bills=20).assign(user_id=None))
    assert len(frame(feature_set.build(before(tables, AS_OF), AS_OF))) == 0


@each_set
def test_row_order_and_renamed_ids_change_nothing(feature_set: FeatureSet) -> None:
    lines = random_lines(5)
    expected = frame(feature_set.build(before(world(lines), AS_OF), AS_OF))
    renamed = lines.sample(frac=1, random_state=1).assign(
        **{
            name: lines[name].map(lambda v: v if pd.isna(v) else f"{hash_of(v)}")
            for name in ("bill_id", "item_id", "store_id")
        },
        user_id=lines.user_id.map(lambda v: v if pd.isna(v) else f"{hash_of(v)}-{v}"),
    )
    got = frame(feature_set.build(before(world(renamed), AS_OF), AS_OF))
    got = got.assign(user_id=got.user_id.str.split("-").str[1]).sort_values("user_id", ignore_index=True)
    pd.testing.assert_frame_equal(got.astype(expected.dtypes), expected, check_exact=True)


@each_set
def test_other_shoppers_change_nothing_but_the_scores(feature_set: FeatureSet) -> None:
    """The rfm scores rank a shopper among all, so they may move; nothing else may."""
    lines = random_lines(6)
    few = lines[lines.user_id.isin([f"u{k}" for k in range(10)])]
    alone = frame(feature_set.build(before(world(few), AS_OF), AS_OF))
    among = frame(feature_set.build(before(world(lines), AS_OF), AS_OF))
    among = among[among.user_id.isin(alone.user_id)].reset_index(drop=True)
    scores = [name for name in alone.columns if name.endswith("_score")]
    pd.testing.assert_frame_equal(among.drop(columns=scores), alone.drop(columns=scores), check_exact=True)


def hash_of(value: str) -> str:
    import hashlib

    return hashlib.sha256(value.encode()).hexdigest()[:8]


def assert_equal(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(got.columns) == set(expected.columns)
    assert list(got.user_id) == list(expected.user_id)
    for name in got.columns.drop("user_id"):
        np.testing.assert_allclose(
            got[name].astype(float), expected[name].astype(float), rtol=1e-9, atol=1e-12, equal_nan=True, err_msg=name
        )
