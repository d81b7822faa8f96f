"""Collections of pictures, sound and texts: what is decoded, what is corrupt, and that nothing is decoded twice."""

import io
import json
import struct
import wave
from pathlib import Path

import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.audit.audit import audit_table
from capflow_assets.validated.tables import clean
from capflow_resources import sources
from capflow_resources.sources import SourceError
from capflow_resources.sources.media import decoding, media
from capflow_resources.sources.media.collection_rows import pattern_regex
from partitions.customer import Customer
from partitions.customer_file import check_customer_file, load_customer

FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources:
  sales: {{kind: csv, uri: sales.csv}}
  files: {{kind: {kind}, uri: "{uri}", options: {options}}}
tables:
  line_items: {{source: sales, columns: {{item_id: Item, amount: Price}}}}
  {table}: {{source: files{columns}}}
"""


def picture(width: int = 12, height: int = 8, form: str = "JPEG") -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.effect_noise((width, height), 40).save(written, form)
    return written.getvalue()


def sound(seconds: float = 0.5, rate: int = 8000, channels: int = 2) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\0" * int(seconds * rate) * channels)
    return written.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Create five valid files, five corrupt ones, and two that are not part of the collection."""
    files = {
        "shirts/i1_front.jpg": picture(),
        "shirts/i1_back.png": picture(form="PNG"),
        "shirts/i2_front.jpg": picture(64, 64)[:-400],
        "voices/u7.wav": sound(),
        "voices/u8.wav": sound()[:-100],
        "voices/u9.mp3": b"no sound at all" * 20,
        "loose.gif": picture(form="GIF"),
        "empty.png": b"",
        "fake.jpg": b"<html>",
        "readme.md": b"# hello",
        ".hidden/x.jpg": picture(),
    }
    place = tmp_path / "collection [1]"
    for name, data in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place


@pytest.fixture
def customer(tmp_path, monkeypatch):
    def build_customer(
        uri: object, options: object = None, kind: str = "media", table: str = "media", columns: str = ""
    ) -> Customer:
        path = tmp_path / "home" / "customers" / "acme.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = FILE.format(kind=kind, uri=uri, options=json.dumps(options or {}), table=table, columns=columns)
        path.write_text(text)
        assert check_customer_file(path, {}) == []
        return load_customer(path, {})

    return build_customer


def rows(customer: Customer, con, table: str = "media") -> dict[str, dict]:
    """Return the rows by the last part of their uri."""
    found = sources.read(customer, customer.tables[table], con).to_pyarrow().to_pylist()
    return {row["uri"].rpartition("/")[2] if "uri" in row else row["text"]: row for row in found}


def test_a_folder_becomes_rows_without_any_mapping(customer, folder, con):
    found = rows(customer(folder, {"pattern": "**/{item_id}_*.*"}), con)
    assert len(found) == 9
    whole = {name: value for name, value in found["i1_front.jpg"].items() if value is not None}
    assert whole.pop("bytes") == (folder / "shirts/i1_front.jpg").stat().st_size
    assert whole == {
        "media_id": "shirts/i1_front.jpg",
        "kind": "image",
        "uri": str(folder / "shirts/i1_front.jpg"),
        "label": "shirts",
        "item_id": "i1",
        "format": "jpeg",
        "width": 12,
        "height": 8,
        "corrupt": False,
    }
    heard = found["u7.wav"]
    assert (heard["kind"], heard["duration_seconds"], heard["sample_rate"], heard["channels"]) == (
        "audio",
        0.5,
        8000,
        2,
    )
    assert (found["loose.gif"]["label"], found["loose.gif"]["item_id"]) == (None, None)


def test_what_is_corrupt_says_why(customer, folder, con):
    found = rows(customer(folder), con)
    reasons = {name: row["corrupt_reason"] for name, row in found.items() if row["corrupt"]}
    assert reasons.pop("i2_front.jpg").startswith("it cannot be decoded: image file is truncated")
    assert reasons.pop("u9.mp3").startswith("it ")
    assert reasons == {
        "u8.wav": "it is cut off: 100 bytes are missing",
        "empty.png": "it is empty",
        "fake.jpg": "it is no picture that can be read",
    }


def test_validation_sets_what_is_corrupt_aside_with_the_reason(customer, folder, con):
    acme = customer(folder)
    raw = sources.read(acme, acme.tables["media"], con)
    cleaned = clean("media", raw, acme.tables["media"], "UTC").cache()
    result = audit_table(
        cleaned, canonical_tables()["media"], set(acme.tables["media"].columns), {"invalid_share": 0.9}
    )
    assert (result.rows, result.set_aside) == (9, 5)
    aside = result.rejected.to_pyarrow().to_pylist()
    assert all("corrupt" in row["reason"] and row["corrupt_reason"] for row in aside)


def test_a_picture_that_claims_to_be_huge_is_not_decoded(tmp_path):
    """A kilobyte that declares 60,000 x 60,000 pixels would be 10 GB decoded."""
    png = picture(form="PNG")
    header = struct.pack(">II", 60_000, 60_000) + png[24:29]
    import zlib

    bomb = png[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + png[33:]
    facts = decoding.decode_medium("bomb.png", bomb)
    assert facts["corrupt"]
    assert "pixels" in facts["corrupt_reason"]


def test_only_new_and_changed_files_are_decoded(customer, folder, con, monkeypatch):
    seen: list[str] = []
    whole = media._decode
    monkeypatch.setattr(media, "_decode", lambda path, data: seen.append(path) or whole(path, data))
    acme = customer(folder)
    mark = sources.fingerprint(acme, acme.tables["media"])
    before = rows(acme, con)
    assert len(seen) == 9
    assert rows(acme, con) == before
    assert sources.fingerprint(acme, acme.tables["media"]) == mark
    assert len(seen) == 9
    (folder / "fake.jpg").write_bytes(picture())
    (folder / "new.jpg").write_bytes(picture())
    (folder / "empty.png").unlink()
    assert sources.fingerprint(acme, acme.tables["media"]) != mark
    after = rows(acme, con)
    assert sorted(seen[9:]) == ["fake.jpg", "new.jpg"]
    assert after.keys() == before.keys() - {"empty.png"} | {"new.jpg"}
    assert not after["fake.jpg"]["corrupt"]


def test_a_manifest_says_whose_pictures_they_are(customer, folder, con):
    manifest = folder / "list.csv"
    manifest.write_text(
        "uri,label,item_id,Season\n"
        f"shirts/i1_front.jpg,shirt,A1,summer\n{folder}/loose.gif,,A2,\ngone.jpg,shirt,A3,\nshirts/i1_front.jpg,top,A4,\n"
    )
    acme = customer(manifest, columns=", columns: {item_id: item_id}")
    found = sources.read(acme, acme.tables["media"], con).to_pyarrow().to_pylist()
    told = {row["item_id"]: (row["label"], row["width"], row["corrupt_reason"]) for row in found}
    assert told == {
        "A1": ("shirt", 12, None),
        "A2": (None, 12, None),
        "A3": ("shirt", None, "there is no such file"),
        "A4": ("top", 12, None),
    }
    assert sources.fingerprint(acme, acme.tables["media"]) is None
    assert "Season" in sources.open_table(acme, acme.tables["media"], con).columns


@pytest.mark.parametrize("uri", ["/etc/hostname", "../outside.jpg"])
def test_a_manifest_cannot_lead_outside(customer, folder, con, uri):
    (folder.parent / "outside.jpg").write_bytes(picture())
    (folder / "list.csv").write_text(f"uri\n{uri}\n")
    with pytest.raises(SourceError, match="outside of"):
        rows(customer(folder / "list.csv"), con)


def test_a_link_cannot_lead_outside(customer, folder, con):
    outside = folder.parent / "outside.jpg"
    outside.write_bytes(picture())
    (folder / "link.jpg").symlink_to(outside)
    with pytest.raises(SourceError, match="outside of"):
        rows(customer(folder), con)


def test_bytes_are_opened_by_uri_and_only_within_the_collection(customer, folder, con):
    acme = customer(folder)
    uri = rows(acme, con)["i1_front.jpg"]["uri"]
    assert media.open_bytes(acme, uri) == (folder / "shirts/i1_front.jpg").read_bytes()
    (folder.parent / "outside.jpg").write_bytes(picture())
    for wrong in (str(folder.parent / "outside.jpg"), f"{folder}/../outside.jpg", "/etc/hostname", "s3://b/x.jpg"):
        with pytest.raises(SourceError, match=r"outside of|lies in no media source of 'acme'"):
            media.open_bytes(acme, wrong)


def test_a_bucket_is_read_like_a_folder(customer, folder, con, s3):
    bucket = s3.bucket()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        s3.client.put_object(Bucket=bucket, Key=f"shop/{path.relative_to(folder)}", Body=path.read_bytes())
    acme = customer(f"s3://{bucket}/shop", {**s3.options, "pattern": "shirts/{item_id}_*"})
    found = rows(acme, con)
    here = rows(customer(folder, {"pattern": "shirts/{item_id}_*"}), con)
    facts = ("media_id", "item_id", "width", "duration_seconds", "bytes", "corrupt")
    told = {name: [row[fact] for fact in facts] for name, row in found.items() if not row["media_id"].startswith(".")}
    assert told == {name: [row[fact] for fact in facts] for name, row in here.items()}
    acme = customer(f"s3://{bucket}/shop", {**s3.options, "pattern": "shirts/{item_id}_*"})
    assert media.open_bytes(acme, found["u7.wav"]["uri"]) == (folder / "voices/u7.wav").read_bytes()
    with pytest.raises(SourceError, match=r"source 'files' of 'acme': there is no .*bucket|no bucket"):
        rows(customer("s3://no-such-bucket-here/shop", dict(s3.options)), con)


def test_a_folder_without_any_picture_is_an_error(customer, tmp_path, con):
    (tmp_path / "none").mkdir()
    for name in ("none", "missing"):
        with pytest.raises(SourceError, match="source 'files' of 'acme': there is no image or audio file in"):
            rows(customer(tmp_path / name), con)


def test_texts_with_their_language_and_encoding(customer, tmp_path, con):
    folder = tmp_path / "reviews"
    (folder / "5").mkdir(parents=True)
    english = "I love this dress, it fits me very well and the colour is lovely."
    german = "Das Kleid ist wunderschön und sitzt sehr gut, ich würde es wieder kaufen."
    (folder / "5" / "i1-u1.txt").write_text(english, encoding="utf-8")
    (folder / "5" / "i1-u2.txt").write_text(german, encoding="utf-16")
    (folder / "5" / "i2-u3.txt").write_text(german, encoding="latin-1")
    (folder / "5" / "i2-u4.txt").write_text("nice")
    (folder / "5" / "i2-u5.txt").write_text("  \n")
    (folder / "5" / "i3-u6.json").write_text(json.dumps([{"text": english + "!", "stars": 4}, {"stars": 1}]))
    options = {"pattern": "{rating}/{item_id}-{user_id}.*"}
    acme = customer(folder, options, "text", "reviews")
    found = sources.read(acme, acme.tables["reviews"], con).to_pyarrow().to_pylist()
    told = sorted((row["user_id"], row["language"], row["corrupt_reason"]) for row in found if row["text"])
    assert told == [("u1", "en", None), ("u2", "de", None), ("u4", None, None), ("u6", "en", None)]
    assert {row["rating"] for row in found} == {"5"}
    why = {row["user_id"]: row["corrupt_reason"] for row in found if row["corrupt"]}
    assert why == {
        "u3": "it is not utf-8 from byte 24 on",
        "u5": "it is empty",
        "u6": "its field 'text' holds no text",
    }
    acme = customer(folder, options, "text", "reviews", ", columns: {rating: stars}")
    found = sources.read(acme, acme.tables["reviews"], con).to_pyarrow().to_pylist()
    assert sorted(row["rating"] for row in found if row["rating"]) == ["1", "4"]
    acme = customer(folder, {"encoding": "latin-1"}, "text", "reviews", ", columns: {user_id: text_id}")
    found = sources.read(acme, acme.tables["reviews"], con).to_pyarrow().to_pylist()
    assert sum(row["text"] == german for row in found) == 2


def test_a_pattern_stays_within_a_folder(con):
    import re

    fits = {"{label}/{item_id}_*.jpg": "shirts/i1_front.jpg", "**/{item_id}.wav": "a/b/i1.wav"}
    for pattern, path in fits.items():
        assert re.match(pattern_regex(pattern), path).groups()[-1] == "i1"
    assert re.match(pattern_regex("{label}/{item_id}.jpg"), "a/b/c.jpg") is None


def test_a_pattern_that_names_no_item_leaves_reviews_unmapped(customer, tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(FILE.format(kind="text", uri="x", options="{}", table="reviews", columns=""))
    assert "maps no item_id or user_id" in check_customer_file(path, {})[0].message


def sample(real_data: Path, name: str, query: str) -> list[tuple]:
    import duckdb

    path = real_data / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return duckdb.sql(query.format(path=path)).fetchall()


def test_real_pictures_and_recordings(customer, tmp_path, con, real_data):
    pictures = sample(real_data, "images/clothing.parquet", "SELECT label, path, jpeg FROM '{path}' LIMIT 60")
    spoken = sample(real_data, "audio/spoken_digits.parquet", "SELECT speaker, path, wav FROM '{path}' LIMIT 60")
    for label, name, data in [*pictures, *spoken]:
        path = tmp_path / "real" / label / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    found = rows(customer(tmp_path / "real"), con).values()
    assert len(found) == 120
    assert not any(row["corrupt"] for row in found)
    assert {row["label"] for row in found} == {label for label, _, _ in [*pictures, *spoken]}
    assert all(row["width"] == 128 or row["height"] == 128 for row in found if row["kind"] == "image")
    assert all(
        row["sample_rate"] == 8000 and 0.1 < row["duration_seconds"] < 3 for row in found if row["kind"] == "audio"
    )


def test_real_reviews_are_english(customer, tmp_path, con, real_data):
    texts = sample(
        real_data,
        "reviews/womens_clothing_reviews.parquet",
        'SELECT "Clothing ID", "Review Text" FROM \'{path}\' WHERE "Review Text" IS NOT NULL LIMIT 60',
    )
    (tmp_path / "real").mkdir()
    for number, (item, text) in enumerate(texts):
        (tmp_path / "real" / f"{item}-{number}.txt").write_text(text, encoding="utf-8")
    acme = customer(tmp_path / "real", {"pattern": "{item_id}-*.txt"}, "text", "reviews")
    found = sources.read(acme, acme.tables["reviews"], con).to_pyarrow().to_pylist()
    assert sorted(row["text"] for row in found) == sorted(text.strip() for _, text in texts)
    assert sum(row["language"] == "en" for row in found) >= 57
