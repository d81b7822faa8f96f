"""Recommenders on goodbooks-10k: recall@10, nDCG@10, seconds and memory of ours beside popularity and ALS.

    python -m pip install implicit    (MIT; only for this benchmark)
    python benchmarks/recommenders.py [folder of the data] [--users 15000]

Positives are ratings of 4 and 5, each (user, book) once; users with at least five. A fifth of each user's books, by a
seeded lot, is the test part; of the rest a fifth, by another lot, is the validation part on which each method's
parameters are chosen. The test part is looked at once. All methods choose among the same books: those that most users
of the train part like. The file has about a hundred ratings of every book, so popularity knows next to nothing in it
(a book with more in the train part has fewer left for the test part). The data has no times, so SASRec
(sequential_recommender) cannot be measured on it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from machine import machine, peak_mib
from row import row
from scipy.sparse import csr_array

from capflow_assets.methods.recommend import ease
from capflow_assets.methods.recommend.co_purchase import similarity, user_item_matrix
from capflow_assets.methods.recommend.top_k import TOP, ndcg, top_columns

SEED = 20_240_102
LEAST_RATING, FEWEST_BOOKS, TEST_SHARE, MOST_BOOKS = 4, 5, 0.2, 5_000
USERS_AT_ONCE = 1_000
ROOT = Path(__file__).resolve().parents[1]

Score = Callable[[slice], np.ndarray]


def positives(data: Path, users: int) -> pd.DataFrame:
    """`user_id`, `item_id`: the books that a seeded sample of so many users liked."""
    ratings = pd.read_parquet(data / "books" / "ratings.parquet")
    liked = ratings.loc[ratings["rating"] >= LEAST_RATING, ["user_id", "book_id"]].drop_duplicates()
    liked = liked.rename(columns={"book_id": "item_id"}).sort_values(["user_id", "item_id"], ignore_index=True)
    counts = liked.groupby("user_id").size()
    enough = counts.index[counts >= FEWEST_BOOKS].to_numpy()
    print(f"{len(enough):,} users with {FEWEST_BOOKS} books or more; ", end="")
    if len(enough) > users:
        enough = np.random.default_rng(SEED).choice(enough, users, replace=False)
    print(f"a sample of {len(enough):,} is measured")
    return liked[liked["user_id"].isin(enough)].astype(str).sort_values(["user_id", "item_id"], ignore_index=True)


def parted(pairs: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each user's books by lot: four fifths to learn from, one fifth (at least one book) held back."""
    lot = np.random.default_rng(seed).random(len(pairs))
    place = pd.Series(lot).groupby(pairs["user_id"].to_numpy()).rank()
    size = pairs.groupby("user_id")["item_id"].transform("size")
    back = place.to_numpy() <= np.maximum(np.round(TEST_SHARE * size.to_numpy()), 1)
    return pairs[~back].reset_index(drop=True), pairs[back].reset_index(drop=True)


def popularity(bought: csr_array) -> Score:
    """What most users like."""
    counts = np.asarray(bought.sum(axis=0)).ravel()
    return lambda rows: np.tile(counts, (rows.stop - rows.start, 1))


def item_knn(bought: csr_array, neighbours: int, shrinkage: float) -> Score:
    """Our co-purchase similarity, added up over what the user likes."""
    alike = similarity(bought, neighbours, shrinkage)
    alike = csr_array((alike.data, alike.indices, alike.indptr), shape=alike.shape)
    return lambda rows: (bought[rows] @ alike).toarray()


def by_ease(bought: csr_array, regularisation: float) -> Score:
    """Our EASE."""
    weights = ease.fit_weights(bought, regularisation).astype("float32")
    single = bought.astype("float32")
    return lambda rows: single[rows] @ weights


def als(bought: csr_array, factors: int, regularization: float, alpha: float) -> Score:
    """implicit's alternating least squares (Hu, Koren & Volinsky 2008)."""
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # as implicit asks for: it has threads of its own
        model = AlternatingLeastSquares(
            factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=SEED, use_gpu=False
        )
        model.fit(csr_matrix(bought.astype("float32")), show_progress=False)
    return lambda rows: model.user_factors[rows] @ model.item_factors.T


METHODS: Mapping[str, tuple[Callable[..., Score], Mapping[str, tuple[Any, ...]]]] = {
    "popularity": (popularity, {}),
    "ItemKNN (ours)": (item_knn, {"neighbours": (10, 20, 50, 200), "shrinkage": (10.0, 50.0, 200.0)}),
    "EASE (ours)": (by_ease, {"regularisation": (10.0, 30.0, 100.0, 300.0)}),
    "ALS (implicit)": (als, {"factors": (128, 256), "regularization": (0.01, 1.0, 10.0), "alpha": (10.0, 40.0)}),
}


def judged(score: Score, known: csr_array, wanted: pd.DataFrame, books: tuple[str, ...]) -> tuple[float, float]:
    """Recall and nDCG of the ten best books that the user is not known to like, a mean over users."""
    relevant, counts = user_item_matrix(wanted, books), wanted.groupby("user_id").size().to_numpy()
    found, gained = np.zeros(len(counts)), np.zeros(len(counts))
    for first in range(0, len(counts), USERS_AT_ONCE):
        rows = slice(first, min(first + USERS_AT_ONCE, len(counts)))
        scores = np.array(score(rows), dtype="float32")
        scores[known[rows].nonzero()] = -np.inf
        best = top_columns(scores)
        each = np.repeat(np.arange(len(best)), TOP)
        found[rows] = np.asarray(relevant[rows][each, best.ravel()]).reshape(best.shape).sum(axis=1)
        gained[rows] = ndcg(best, relevant[rows], counts[rows])
    return float((found / counts).mean()), float(gained.mean())


def measure(name: str, pairs: pd.DataFrame) -> dict[str, Any]:
    """Choose the method's parameters on the validation part, then learn from all of the train part and test once."""
    build, grid = METHODS[name]
    train, test = parted(pairs, SEED)
    learned, held = parted(train, SEED + 1)
    books = tuple(train["item_id"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index)
    books = books[:MOST_BOOKS]
    choices = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    bought, began = user_item_matrix(learned, books), process_time()
    gains = [judged(build(bought, **one), bought, held, books)[1] if grid else 0.0 for one in choices]
    chosen, tuning = choices[int(np.argmax(gains))], process_time() - began
    bought, began, wall = user_item_matrix(train, books), process_time(), perf_counter()
    score = build(bought, **chosen)
    fitted, fitted_wall = process_time() - began, perf_counter() - wall
    began = process_time()
    recall, gain = judged(score, bought, test, books)
    return {
        "method": name, "recall@10": f"{recall:.4f}", "nDCG@10": f"{gain:.4f}", "fit CPU-s": f"{fitted:.1f}",
        "fit s": f"{fitted_wall:.1f}", "rank CPU-s": f"{process_time() - began:.1f}", "tuning CPU-s": f"{tuning:.0f}",
        "peak MiB": f"{peak_mib():,.0f}", "parameters": ", ".join(f"{k} {v}" for k, v in chosen.items()),
    }  # fmt: skip


def main() -> None:
    """One row a method, each in a process of its own so that its memory is its own."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    asked.add_argument("--users", type=int, default=15_000)
    told = asked.parse_args()
    pairs = positives(told.data, told.users)
    print(f"{len(pairs):,} likes of {pairs['item_id'].nunique():,} books; ranked are the {MOST_BOOKS:,} most liked")
    rows = []
    for name in METHODS:
        with get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measure, (name, pairs)))
        print(f"{name} is done", flush=True)
    beside = next(f"{one['recall@10']}, {one['nDCG@10']}" for one in rows if one["method"].startswith("pop"))
    for one in rows:
        ours = f"{one['recall@10']}, {one['nDCG@10']}"
        row(one["method"], "goodbooks, recall@10 and nDCG@10", ours, beside, "none for this protocol", "")
    print(pd.DataFrame(rows).to_string(index=False))
    print("SASRec: not measured, the data has no times.")
    print(machine())


if __name__ == "__main__":
    main()
