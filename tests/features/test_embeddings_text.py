"""Vectors of texts: words in any script, the customer's own space, averaged word vectors, sentence-transformers."""

from __future__ import annotations

import gzip
import hashlib
import random
from importlib.util import find_spec
from pathlib import Path

import ibis
import numpy as np
import pytest

from capflow_assets.contract.embedding import EmbeddingError
from capflow_assets.features.embeddings.lsa import Lsa, fit_lsa
from capflow_assets.features.embeddings.sentences import load_sentences
from capflow_assets.features.embeddings.text import compose_texts
from capflow_assets.features.embeddings.tokens import plain_text, tokenise
from capflow_assets.features.embeddings.word_average import SifWeights, WordAverage, fit_sif
from capflow_assets.features.embeddings.word_vectors import read_word_vectors

needs_deep = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("sentence_transformers") is None,
    reason="torch and sentence-transformers (pip install 'capflow[deep]') are not installed",
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Caf&eacute; <b>Mug</b> 12 <script>alert('x')</script>", ["café", "mug"]),
        ("CAFE\u0301 mug, 500ml", ["café", "mug", "500ml"]),
        ("L'Oréal's T-shirt", ["l'oréal's", "shirt"]),
        ("红色的杯子", ["红色", "色的", "的杯", "杯子"]),
        ("लाल कप", ["लाल", "कप"]),
        ("5 < 6 and 7 > 2", ["and"]),
        ("", []),
        ("\u200b \0 <> ---", []),
        ("x" * 41, []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert tokenise(plain_text(text)) == words


def test_the_text_of_an_item_is_composed_the_same_each_time() -> None:
    items = ibis.memtable(
        {
            "item_id": ["a", "b", "c", "d"],
            "description": ["Hanging heart ", None, "n/a", "a" * 5000 + " heart"],
            "category": ["Home > Decoration", "Home", None, None],
            "brand": ["Acme", None, None, None],
        }
    )
    rows = {row["item_id"]: row for row in compose_texts(items).to_pyarrow().to_pylist()}
    assert rows["a"]["text"] == "Hanging heart. Home, Decoration. Acme"
    assert rows["a"]["md5"] == hashlib.md5(b"Hanging heart. Home, Decoration. Acme").hexdigest()
    assert [rows[item]["described"] for item in "abcd"] == [True, False, False, False]
    assert [rows[item]["worded"] for item in "abcd"] == [True, True, False, False]
    assert rows["b"]["text"] == "Home"
    assert len(rows["d"]["text"]) == 4000


def test_lsa_places_words_that_are_used_alike_near_one_another() -> None:
    drinks = [f"{a} {b} cup" for a in ("tea", "coffee", "espresso") for b in ("small", "large", "glass")]
    garden = [f"{a} {b} plant" for a in ("rose", "tulip", "fern") for b in ("pot", "outdoor", "green")]
    vectors = fit_lsa(drinks + garden, 2).encode(["tea", "coffee", "rose"])
    assert vectors[0] @ vectors[1] > 0.9 > 0.3 > vectors[0] @ vectors[2]


def test_lsa_does_not_depend_on_order_or_batch_and_survives_its_bytes() -> None:
    some = [
        f"{a} {b} of {c}" for a in ("red", "blue") for b in ("mug", "scarf", "lamp") for c in ("wool", "tin", "oak")
    ]
    fitted = fit_lsa(some, 6)
    whole = fitted.encode(some)
    assert np.array_equal(np.vstack([fitted.encode([text]) for text in some]), whole)
    assert np.array_equal(Lsa.from_bytes(fitted.to_bytes()).encode(some), whole)
    assert fit_lsa(some, 6).to_bytes() == fitted.to_bytes()
    shuffled = random.Random(1).sample(some, len(some))
    other = fit_lsa(shuffled, 6).encode(some)
    assert np.allclose(whole @ whole.T, other @ other.T, atol=1e-5)
    assert not fitted.encode(["unknown words", ""]).any()


def test_lsa_of_texts_without_words_says_what_to_do() -> None:
    with pytest.raises(EmbeddingError, match=r"no word stands in two descriptions; set embeddings.text: none"):
        fit_lsa(["1", "2"])


def test_similar_books_are_nearer_than_chance(real_data: Path) -> None:
    """Of 2,000 titles the nearest other one is by the same author in 25 %, a random one in 0.2 % (measured)."""
    import pyarrow.parquet as pq

    books = pq.read_table(real_data / "books/books.parquet", columns=["title", "authors"]).slice(0, 2000).to_pydict()
    titles, authors = [str(title) for title in books["title"]], np.array(books["authors"])
    vectors = fit_lsa(titles).encode(titles)
    known = vectors.any(axis=1)
    alike = vectors[known] @ vectors[known].T
    np.fill_diagonal(alike, -1)
    same = (authors[known][alike.argmax(axis=1)] == authors[known]).mean()
    chance = np.mean([(authors == author).mean() for author in authors])
    assert known.mean() > 0.8
    assert same > 0.2 > 20 * chance


LINES = ["red 1.0 0.0 0.0", "blue 0.9 0.1 0.0", "mug 0.0 1.0 0.0", "of the 9 9 9", "of 0.5 0.5 0.5", "red 7 7 7"]


@pytest.mark.parametrize("name", ["a.txt", "a.vec", "a.txt.gz", "a.npz"])
def test_only_the_words_asked_for_are_kept_of_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = "\n".join((["6 3"] if name == "a.vec" else []) + LINES) + "\n"
    if name.endswith("npz"):
        rows = [line.rsplit(" ", 3) for line in LINES]
        np.savez(path, words=np.array([row[0] for row in rows]), vectors=np.array([row[1:] for row in rows], float))
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content)
    dimensions, found = read_word_vectors(path, {"red", "of", "absent"})
    assert dimensions == 3
    assert {word: vector.tolist() for word, vector in found.items()} == {"red": [1, 0, 0], "of": [0.5, 0.5, 0.5]}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"red 1 2 3\nblue 1 x 3\n", "a.txt:2 is no word with 3 numbers"),
        ("a.txt", b"red 1 2 3\nblue 1 nan 3\n", "a.txt:2 is no word with 3 numbers"),
        ("a.txt", b"", "a.txt is empty"),
        ("a.bin", b"", "a.bin is no file of word vectors; send one that ends with .txt"),
        ("a.txt.gz", gzip.compress(b"red 1 2 3\n" * 5000)[:-30], "a.txt.gz cannot be read to its end"),
        ("a.npz", b"PK", "a.npz"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EmbeddingError) as caught:
        read_word_vectors(tmp_path / name, {"red", "blue"})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_averages_are_those_of_the_paper() -> None:
    """Arora, Liang, Ma (2017): a / (a + p(w)), and the first principal direction taken out."""
    vectors = {"red": np.array([1.0, 0, 0]), "mug": np.array([0, 1.0, 0]), "the": np.array([1.0, 1, 1])}
    some = ["the red mug", "the mug", "the red red", "unknown"]
    sif = fit_sif(some, 3, vectors)
    share = {"the": 3 / 9, "red": 3 / 9, "mug": 2 / 9}
    weight = {word: 1e-3 / (1e-3 + p) for word, p in share.items()}
    expected = np.array([sum(weight[w] * vectors[w] for w in t.split() if w in vectors) for t in some[:3]])
    expected /= np.array([[3], [2], [3]])
    direction = np.linalg.svd(np.vstack([expected, np.zeros(3)]), full_matrices=False)[2][0]
    expected -= np.outer(expected @ direction, direction)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    encoder = WordAverage(3, vectors, SifWeights.from_bytes(sif.to_bytes()))
    found = encoder.encode(some)
    assert np.allclose(found[:3], expected, atol=1e-5)
    assert not found[3].any()
    assert np.allclose(WordAverage(3, vectors).encode(["red mug"]), [[2**-0.5, 2**-0.5, 0]])


def test_a_missing_library_or_safe_weights_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "capflow_assets.features.embeddings.sentences.find_spec"
    monkeypatch.setattr(here, lambda name: None)
    with pytest.raises(EmbeddingError, match=r"embeddings.text needs torch and sentence_transformers: pip install"):
        load_sentences(tmp_path, "embeddings.text")
    monkeypatch.setattr(here, lambda name: name)
    with pytest.raises(EmbeddingError, match=r"holds no \*.safetensors"):
        load_sentences(tmp_path, "embeddings.text")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights, saved as sentence-transformers saves any model."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "mug", "scarf", "cafe"]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(1)
    config = BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=64)  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    SentenceTransformer(modules=[Transformer(str(folder / "bert")), Pooling(16)]).save(str(folder / "model"))
    return folder / "model"


@needs_deep
def test_a_model_of_sentence_transformers_is_loaded_from_a_folder(tiny_model: Path) -> None:
    encoder = load_sentences(tiny_model, "embeddings.text")
    assert encoder.dimensions == 16
    some = ["red mug", "Café <b>scarf</b>", "blue scarf red mug"]
    found = encoder.encode(some)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.allclose(np.vstack([encoder.encode([text]) for text in some]), found, atol=1e-5)
    (tiny_model / "modules.json").write_text("[{]")
    with pytest.raises(EmbeddingError, match=r"is no model of sentence-transformers") as caught:
        load_sentences(tiny_model, "embeddings.text")
    assert "\n" not in str(caught.value)
