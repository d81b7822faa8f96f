"""`embeddings` in a customer file: what encodes texts, pictures and sound, and every mistake with its line."""

from pathlib import Path

import pytest

from partitions.customer import Encoding
from partitions.customer_file import check_customer_file, load_customer

FILE = """name: acme
vertical: gifts
currency: GBP
timezone: UTC
sources: {sales: {kind: csv, uri: sales.csv}}
tables: {line_items: {source: sales, columns: {item_id: Item, amount: Price}}}
embeddings: """


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "acme.yaml"
        path.write_text(FILE + text)
        return path

    return write


def test_what_each_form_means(written, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    text = (
        "{text: {kind: words, model: './${SIZE}.txt', weighting: mean}, image: {kind: clip, model: clip}, audio: none}"
    )
    customer = load_customer(written(text), {"SIZE": "glove"})
    assert customer.embeddings == {
        "text": Encoding("words", str(tmp_path / "glove.txt"), {"weighting": "mean"}),
        "image": Encoding("clip", str(tmp_path / "clip")),
        "audio": Encoding("none"),
    }
    hub = load_customer(written("{text: {kind: sentence-transformers, model: org/name}}"), {})
    assert hub.embeddings["text"].model == "org/name"
    assert load_customer(written("{text: {kind: lsa, dimensions: 64}}"), {}).embeddings["text"].options == {
        "dimensions": 64
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{txt: lsa}", "unknown key 'txt' under embeddings; did you mean 'text'?"),
        ("{text: lda}", "unknown embeddings.text 'lda'; did you mean 'lsa'?"),
        ("{image: {kind: pixel}}", "unknown embeddings.image.kind 'pixel'; did you mean 'pixels'?"),
        ("{text: {kind: lsa, modle: x}}", "unknown key 'modle' under embeddings.text; did you mean 'model'?"),
        ("{text: words}", "embeddings.text has no 'model'; words needs one"),
        ("{image: {kind: clip}}", "embeddings.image has no 'model'; clip needs one"),
        ("{text: {model: x}}", "embeddings.text has no 'kind'; add 'kind: ...', one of lsa, words"),
        ("{text: {kind: lsa, model: ./x}}", "embeddings.text.model does not apply to lsa; remove it"),
        ("{text: {kind: lsa, dimensions: 1.5}}", "embeddings.text.dimensions must be a whole number from 2 to 1024"),
        ("{text: {kind: lsa, weighting: sif}}", "embeddings.text.weighting is an option of words, not of lsa"),
        ("{text: {kind: words, model: ./x, weighting: six}}", "unknown embeddings.text.weighting 'six'; did you mean"),
        ("{text: {kind: words, model: '${NO_SUCH}/x'}}", "environment variable NO_SUCH is not set"),
    ],
)
def test_mistakes_are_told_with_their_line(written, text: str, said: str) -> None:
    problems = check_customer_file(written(text), {})
    assert [(problem.line, said in problem.message) for problem in problems] == [(7, True)], problems
