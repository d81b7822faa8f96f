"""Words that tell two kinds of texts apart: known answers, calibration, and the same bytes whatever the order."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods.labels.text_classifier import TextClassifier, fit

MOST = 10_000


def texts(count: int = 600, sure: float = 0.8, seed: int = 1) -> tuple[list[str], np.ndarray]:
    """`good` and `bad` are in a text of their kind with probability `sure`, else in one of the other."""
    chance = np.random.default_rng(seed)
    label = (chance.random(count) < 0.7).astype(int)
    told = np.where(chance.random(count) < sure, label, 1 - label)
    noise = chance.choice(["red", "blue", "shirt", "shoe", "today", "shop"], (count, 4))
    found = [f"{' '.join(words)} {'good' if kind else 'bad'}" for words, kind in zip(noise, told, strict=True)]
    return found, label


def probability(fitted: TextClassifier, asked: list[str]) -> np.ndarray:
    return fitted.probability(fitted.contributions(asked))


def test_words_push_the_way_they_should_and_are_told_by_strength() -> None:
    fitted = fit(*texts(), MOST, 1)
    contributions = fitted.contributions(["a good red shirt", "bad", "unheard of", ""])
    good, bad, nothing, empty = fitted.strongest(contributions)
    assert good[0][0].split()[0] == "good"
    assert good[0][1] > 0 > bad[0][1]
    assert nothing == empty == []
    told = [part for words, _ in good for part in words.split()]
    assert len(told) == len(set(told)), "no word is told twice"
    score = fitted.probability(contributions)
    assert score[0] > 0.75 > 0.5 > score[1]
    assert score[2] == score[3]


def test_the_probabilities_mean_what_they_say() -> None:
    known, unseen = texts(4000, seed=1), texts(4000, seed=2)
    score = probability(fit(*known, MOST, 1), unseen[0])
    for told in (score > 0.5, score <= 0.5):
        assert abs(score[told].mean() - unseen[1][told].mean()) < 0.04


def test_chance_labels_are_not_learned() -> None:
    known, _ = texts(1000)
    label = np.random.default_rng(5).integers(0, 2, len(known))
    assert np.ptp(probability(fit(known, label, MOST, 1), known)) < 0.4


def test_order_changes_no_byte_and_storage_no_bit() -> None:
    known, label = texts(200)
    order = np.random.default_rng(3).permutation(len(known))
    first = fit(known, label, MOST, 1)
    second = fit([known[place] for place in order], label[order], MOST, 1)
    assert first.to_files() == second.to_files()
    again = TextClassifier.from_files(first.to_files())
    assert (probability(again, known) == probability(first, known)).all()


def test_apostrophes_stay_in_a_word_and_pairs_are_words() -> None:
    fitted = fit(["it didn't fit"] * 4 + ["it did fit"] * 4, np.array([0] * 4 + [1] * 4), MOST, 1)
    assert {"didn't", "didn't fit", "it did"} <= set(fitted.words)


def test_of_too_many_texts_some_are_drawn_by_lot() -> None:
    known, label = texts(400)
    fewer, all_of_them = fit(known, label, 100, 1), fit(known, label, MOST, 1)
    assert fewer.to_files() != all_of_them.to_files()
    assert fewer.to_files() == fit(known[::-1], label[::-1], 100, 1).to_files()


def test_two_texts_of_a_kind_are_enough_and_no_word_twice_is_an_error() -> None:
    fitted = fit(["so good", "good", "so bad", "bad"], np.array([1, 1, 0, 0]), MOST, 1)
    assert probability(fitted, ["good"])[0] > 0.5 > probability(fitted, ["bad"])[0]
    with pytest.raises(ValueError, match=r"no terms|vocabulary"):
        fit(["one", "two"], np.array([0, 1]), MOST, 1)
