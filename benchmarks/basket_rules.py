"""The association rules of arules' Groceries beside the published number, and pairs counted by our own product.

    python -m pip install mlxtend    (BSD; only for this benchmark)
    python benchmarks/basket_rules.py [folder of the data]

9,835 baskets of 169 item groups, support .001, confidence .5: apriori(Groceries, parameter = list(supp = .001,
conf = .5)) finds 5,668 rules. arules' rules have one item on the right and, by its defaults minlen = 1 and maxlen = 10,
from none to nine on the left; one with none on the left needs an item in at least half of all baskets.
Source: the documentation and vignette of arules (Hahsler, Grün, Hornik, JSS 14(15), 2005).
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

import pandas as pd
from machine import machine, peak_mib
from row import row
from scipy.sparse import csr_array

from capflow_assets.methods.recommend.co_purchase import user_item_matrix

PUBLISHED = 5_668
SUPPORT, CONFIDENCE, LONGEST = 0.001, 0.5, 10
ROOT = Path(__file__).resolve().parents[1]


def by_library(bought: pd.DataFrame) -> pd.DataFrame:
    """Every rule with one item on the right, by mlxtend's FP-growth: `left` (how many items), `right`."""
    from mlxtend.frequent_patterns import association_rules, fpgrowth

    sets = fpgrowth(bought, min_support=SUPPORT, max_len=LONGEST)
    rules = association_rules(sets, metric="confidence", min_threshold=CONFIDENCE)
    single = rules[rules["consequents"].map(len) == 1]
    found = pd.DataFrame({"left": single["antecedents"].map(len), "right": single["consequents"].map(min)})
    always = bought.columns[bought.mean() >= CONFIDENCE]
    return pd.concat([found, pd.DataFrame({"left": 0, "right": always})], ignore_index=True)


def pairs(bought: csr_array) -> int:
    """How many rules have one item on each side, by the product that our models count co-purchase with."""
    together = (bought.T @ bought).toarray()
    often = together.diagonal()
    frequent = together >= SUPPORT * bought.shape[0]
    sure = together >= CONFIDENCE * often[:, None]
    return int((frequent & sure).sum() - (frequent & sure).diagonal().sum())


def main() -> None:
    """Print the numbers beside the published one."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT.parent / "shared" / "data") / "baskets"
    lines = pd.read_parquet(data / "baskets_long.parquet").astype(str)
    lines = lines.rename(columns={"basket_id": "user_id", "item_col": "item_id"}).drop_duplicates()
    items = tuple(sorted(lines["item_id"].unique()))
    bought = user_item_matrix(lines, items)
    print(f"{bought.shape[0]:,} baskets, {len(items)} items, support {SUPPORT}, confidence {CONFIDENCE}")
    began = process_time()
    rules = by_library(pd.DataFrame(bought.toarray().astype(bool), columns=items))
    print(f"rules: published {PUBLISHED:,}, mlxtend {len(rules):,} ({process_time() - began:.1f} CPU-s)")
    print(
        "by items on the left: "
        + ", ".join(f"{k}: {n:,}" for k, n in rules["left"].value_counts().sort_index().items())
    )
    began = process_time()
    count = pairs(bought)
    print(f"one to one: mlxtend {(rules['left'] == 1).sum()}, ours {count} ({process_time() - began:.2f} CPU-s)")
    source = "arules documentation (Groceries)"
    row("item pairs", "Groceries, rules at .001 and .5 (mlxtend)", f"{len(rules):,}", "", f"{PUBLISHED:,}", source)
    row("item pairs", "Groceries, of them one to one", f"{count:,}", "", f"{(rules['left'] == 1).sum()} by mlxtend", "")
    print(f"{machine()}; peak {peak_mib():,.0f} MiB")
    if len(rules) != PUBLISHED or count != (rules["left"] == 1).sum():
        sys.exit("The numbers differ.")


if __name__ == "__main__":
    main()
