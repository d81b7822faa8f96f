"""What models ask for is measured as one would count it by hand."""

from __future__ import annotations

from importlib.util import find_spec

import ibis
import pyarrow as pa
import pytest

from capflow_assets.validation.needs.measures import GROUPS, TABLE_OF, measure_tables
from capflow_assets.validation.needs.real_words import count_real_words
from tests.validation.descriptions import WORDS


@pytest.fixture(scope="module")
def con() -> ibis.BaseBackend:
    return ibis.duckdb.connect(threads=1)


def table(con: ibis.BaseBackend, **columns: list) -> ibis.Table:
    return con.create_table(ibis.util.gen_name("t"), pa.table(columns), temp=True)


def test_real_words_are_told_from_what_only_fills_the_column(con: ibis.BaseBackend) -> None:
    rows = table(con, text=list(WORDS))
    found = rows.mutate(words=count_real_words(rows["text"])).to_pyarrow().to_pylist()
    assert {row["text"]: row["words"] for row in found} == WORDS


def test_a_long_text_costs_no_more_than_its_beginning(con: ibis.BaseBackend) -> None:
    rows = table(con, text=["a" * 3_000_000 + "1", "-" * 3_000_000, "<" * 3_000_000])
    assert rows.select(words=count_real_words(rows["text"])).to_pyarrow()["words"].to_pylist() == [0, 0, 0]


def test_only_what_is_asked_for_is_measured(con: ibis.BaseBackend) -> None:
    items = table(con, item_id=["1", "2", "3", "4"], description=["red wine glass", "n/a", None, "oak table"])
    assert measure_tables(set(), {"items": items}, {}) == {}
    assert measure_tables({"described_share", "contacts"}, {"items": items}, {}) == {
        "described_share": 0.5,
        "contacts": None,
    }
    assert {name for group in GROUPS for name in group.names} == set(TABLE_OF)


def test_contacts_reviews_and_sold_items(con: ibis.BaseBackend) -> None:
    contacts = table(con, campaign_id=["a", "a", "b", "b"], treated=[True, False, None, False])
    reviews = table(con, text=["really good shoes", "", None, "ok"])
    lines = table(con, item_id=["a", "b", "b", None])
    names = {"contacts", "campaigns", "treated", "control", "reviews", "items"}
    found = measure_tables(names, {"contacts": contacts, "reviews": reviews, "line_items": lines}, {})
    assert found == {"contacts": 4, "campaigns": 2, "treated": 2, "control": 2, "reviews": 1, "items": 2}


def test_media_that_can_be_read_are_a_share_of_all_that_were_sent(con: ibis.BaseBackend) -> None:
    media = table(
        con,
        kind=["image", "image", "audio", "audio", "image"],
        corrupt=[False, False, False, False, None],
        duration_seconds=[None, None, 1.5, 2.25, None],
    )
    aside = table(con, kind=["image"], corrupt=[True], duration_seconds=pa.array([None], pa.float64()))
    names = {"images", "readable_image_share", "audio_seconds", "readable_audio_share"}
    found = measure_tables(names, {"media": media}, {"media": aside})
    assert found == {"images": 2, "readable_image_share": 0.5, "audio_seconds": 3.75, "readable_audio_share": 1.0}


@pytest.mark.skipif(find_spec("py3langid") is None, reason="no py3langid: pip install 'capflow[media]'")
def test_the_language_of_an_assortment(con: ibis.BaseBackend) -> None:
    names = ["Rotes Kleid mit langen Ärmeln", "Schuhe für die ganze Familie", "Weiße Tasse aus Porzellan"] * 20
    items = table(con, item_id=[str(number) for number in range(60)], description=names)
    assert measure_tables({"language"}, {"items": items}, {}) == {"language": "de"}
    nothing = table(con, item_id=["1"], description=pa.array([None], pa.string()))
    assert measure_tables({"language"}, {"items": nothing}, {}) == {"language": None}
