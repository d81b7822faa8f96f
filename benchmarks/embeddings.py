"""Item texts encoded and, after a change of 1 %, encoded again: seconds, CPU-seconds and the peak of memory.

    PYTHONPATH=. python benchmarks/embeddings.py 1000000 [--model FOLDER]

Descriptions are drawn by seed: 4 to 9 of 30,000 made words, rare ones rarely. Without --model the encoder is `lsa`.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_resources.home import Home

WORDS = 30_000
FILE = """
name: shop
vertical: gifts
currency: GBP
timezone: UTC
embeddings: {embeddings}
sources:
  items: {{kind: parquet, uri: "{folder}/items.parquet"}}
tables:
  line_items: {{source: items, columns: {{item_id: id, unit_price: price}}}}
  items: {{source: items, columns: {{item_id: id, description: text}}}}
"""


def items(path: Path, count: int, changed: float) -> None:
    """Write `count` items, of which the share `changed` has a text of its own by another seed."""
    draws, signs = np.random.default_rng(1), np.array(list("abcdefghijklmnopqrstuvwxyz"))
    made = signs[draws.integers(0, 26, (WORDS, 8))]
    words = np.array(["".join(row[: 3 + n % 6]) for n, row in enumerate(made)])
    columns = [("id", pa.string()), ("text", pa.string()), ("price", pa.float64())]
    with pq.ParquetWriter(path, pa.schema(columns)) as writer:
        for start in range(0, count, 100_000):
            size = min(100_000, count - start)
            lengths = draws.integers(4, 10, size)
            chosen = (WORDS * draws.random(int(lengths.sum())) ** 3).astype(int)
            texts = [" ".join(words[part]) for part in np.split(chosen, np.cumsum(lengths)[:-1])]
            for place in range(int(changed * size)):
                texts[place] += f" {words[place % WORDS]}"
            ids = [f"i{start + place}" for place in range(size)]
            writer.write_table(pa.table([ids, texts, np.ones(size)], schema=writer.schema))


def measure(home: Home, what: str) -> None:
    """Read the items, then encode them and print what it took."""
    run = CustomerRun(home, "shop")
    for outcome in run_customer(run, ["raw/items", "validated/items"]):
        assert outcome.status == "done", outcome.reason
    run.publish_verdict(())
    seconds, cpu = time.perf_counter(), time.process_time()
    outcome = next(run_customer(run, ["features/item_text"]))
    assert outcome.status == "done", outcome.reason
    seconds, cpu = time.perf_counter() - seconds, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    facts = {name: outcome.facts[name] for name in ("encoder", "dimensions", "encoded", "reused", "left_out")
             if name in outcome.facts}  # fmt: skip
    print(f"{what}: {seconds:.1f} s, {cpu:.1f} CPU-s, peak {peak:.2f} GiB, {facts}", flush=True)
    run.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--model")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home = Home(folder / "home")
        home.customers_folder.mkdir(parents=True)
        kind = f'{{kind: sentence-transformers, model: "{asked.model}"}}' if asked.model else "lsa"
        text = FILE.format(embeddings=f"{{text: {kind}}}", folder=folder)
        (home.customers_folder / "shop.yaml").write_text(text)
        for what, changed in ((f"{asked.count:,} items", 0.0), ("1 % of them changed", 0.01)):
            items(folder / "items.parquet", asked.count, changed)
            measure(home, what)


if __name__ == "__main__":
    main()
