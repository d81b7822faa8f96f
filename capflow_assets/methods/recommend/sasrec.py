"""SASRec: what is bought next, by self-attention over the order of a shopper's purchases.

W.-C. Kang, J. McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018: the network (causal self-attention over
item and position embeddings, item embeddings shared with the output). Three things are ours to fit shops. Each item has
a bias that starts from its popularity. A basket has no order in itself, so each position is asked for any purchase of
later days within the horizon (the all-action targets of N. Pancha et al., "PinnerFormer", KDD 2022). The loss is a
softmax over sampled items (A. Klenitskiy, A. Vasilev, "Turning Dross Into Gold Loss", RecSys 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    import torch
    from scipy.sparse import csr_array

BATCH = 128
SCORED_AT_ONCE = 256
SPREAD = 0.1  # of embeddings before training: little beside popularity, from which the network starts
MOST_STEPS, FEWEST_FOLLOWERS = 5, 3
MOST_EPOCHS, FEWEST_EPOCHS = 12, 2
NOT_THERE = (
    "Sequential recommendations need torch and safetensors, which are not installed: pip install 'capflow[deep]'."
)


@dataclass(frozen=True)
class Sequences:
    """What each shopper bought, in order: users x length, filled from the right.

    `items` are numbers from 1 (0 where there is none) and `days` the day of each. Purchases to be foretold, shoppers x
    some, are in `later_items` with `later_days`.
    """

    items: np.ndarray
    days: np.ndarray
    later_items: np.ndarray
    later_days: np.ndarray

    def rows(self, chosen: np.ndarray) -> Sequences:
        """Return some of the shoppers."""
        return Sequences(self.items[chosen], self.days[chosen], self.later_items[chosen], self.later_days[chosen])

    def content(self) -> csr_array:
        """Return all that is known of each shopper, one row each, to draw a sample by."""
        import numpy as np
        from scipy.sparse import csr_array

        parts = (self.items, self.days * (self.items > 0), self.later_items, self.later_days * (self.later_items > 0))
        return csr_array(np.hstack(parts).astype(float))


def last_of_each(purchases: pd.DataFrame, users: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the last `length` purchases per user: item numbers and days, users x length, filled from the right.

    `purchases` has `user_id`, `number` (of the item, from 1) and `day`; those of one day are ordered by number.
    """
    import numpy as np
    import pandas as pd

    ordered = purchases.sort_values(["user_id", "day", "number"], ignore_index=True)
    back = ordered.groupby("user_id").cumcount(ascending=False).to_numpy()
    row = pd.Index(list(users), dtype="str").get_indexer(pd.Index(ordered["user_id"], dtype="str"))
    kept = (back < length) & (row >= 0)
    items, days = (np.zeros((len(users), length), dtype="int64") for _ in range(2))
    items[row[kept], length - 1 - back[kept]] = ordered["number"].to_numpy()[kept]
    days[row[kept], length - 1 - back[kept]] = ordered["day"].to_numpy()[kept]
    return items, days


def followers(sequences: Sequences, items: int, horizon_days: int) -> csr_array:
    """Return the lift, items x items (from 0), of buying the second within the horizon after the first.

    Counted over the five purchases after each; 0 where fewer than three shoppers did so, or no more than usual.
    """
    import numpy as np
    from scipy.sparse import coo_array, csr_array

    pairs = []
    for step in range(1, MOST_STEPS + 1):
        first, second = sequences.items[:, :-step], sequences.items[:, step:]
        days = sequences.days[:, step:] - sequences.days[:, :-step]
        row, column = np.nonzero((first > 0) & (days > 0) & (days <= horizon_days) & (first != second))
        pairs.append(np.column_stack([row, first[row, column] - 1, second[row, column] - 1]))
    once = np.unique(np.concatenate(pairs), axis=0)
    counts = coo_array((np.ones(len(once)), (once[:, 1], once[:, 2])), shape=(items, items)).tocsr()
    counts.sum_duplicates()
    before, after = np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.sum(axis=0)).ravel()
    row = np.repeat(np.arange(items), np.diff(counts.indptr))
    lift = counts.data * max(len(once), 1) / (before[row] * after[counts.indices])
    told = (counts.data >= FEWEST_FOLLOWERS) & (lift > 1.0)
    return csr_array((lift[told], (row[told], counts.indices[told])), shape=(items, items))


def train(
    sequences: Sequences, items: int, horizon_days: int, parameters: Mapping[str, Any], seed: int
) -> dict[str, bytes]:
    """Train the network; return it as safetensors by file name. On a CPU the same ordered rows give the same bytes.

    `parameters`: `dimensions`, `blocks`, `heads`, `length`, `dropout`, `learning_rate`, `negatives` (items that a
    purchase is told from) and `steps`, about how many batches are learned from. Raises ValueError when torch or
    safetensors is not installed.
    """
    torch, save = _torch()
    with _alone(torch, seed) as device:
        network = _network(torch, items, parameters)
        network.bias.data += torch.from_numpy(_log_popularity(sequences, items, horizon_days))
        network = network.to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=parameters["learning_rate"])
        lot = torch.Generator().manual_seed(seed)
        told = [
            torch.from_numpy(part.astype("int64"))
            for part in (sequences.items, sequences.days, sequences.later_items, sequences.later_days)
        ]
        batches = -(-len(sequences.items) // BATCH)
        epochs = min(max(parameters["steps"] // batches, FEWEST_EPOCHS), MOST_EPOCHS)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, parameters["learning_rate"], epochs * batches)
        network.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(sequences.items), generator=lot).split(BATCH):
                batch = [part[rows] for part in told]
                place, wanted = _targets(torch, batch, horizon_days, lot)
                negatives = _negatives(torch, items, parameters["negatives"], lot)
                if not len(wanted):
                    continue
                loss = _loss(torch, network, batch[0].to(device), place.to(device), wanted.to(device), negatives)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        weights = {name: weight.detach().cpu().contiguous() for name, weight in network.state_dict().items()}
    return {"sasrec.safetensors": save(weights)}


def scores(
    files: Mapping[str, bytes], histories: np.ndarray, items: int, parameters: Mapping[str, Any]
) -> Iterator[np.ndarray]:
    """Score histories (users x length) some at a time: users x items, log-odds, in double precision.

    Raises ValueError when torch or safetensors is not installed.
    """
    import numpy as np

    torch, _ = _torch()
    from safetensors.torch import load

    with _alone(torch, 0) as device:
        network = _network(torch, items, parameters)
        network.load_state_dict(load(files["sasrec.safetensors"]))
        network = network.double().to(device).eval()
    for first in range(0, len(histories), SCORED_AT_ONCE):
        some = histories[first : first + SCORED_AT_ONCE]
        full = np.zeros((SCORED_AT_ONCE, histories.shape[1]), dtype="int64")  # of one shape, so that no batch differs
        full[: len(some)] = some
        with _alone(torch, 0), torch.no_grad():
            states = network(torch.from_numpy(full).to(device))[:, -1]
            found = (states @ network.items.weight[1:].T + network.bias[1:]).cpu().numpy()
        yield found[: len(some)]


def _torch() -> tuple[Any, Any]:
    try:
        import torch
        from safetensors.torch import save
    except ImportError as error:
        raise ValueError(NOT_THERE) from error
    return torch, save


@contextmanager
def _alone(torch: Any, seed: int) -> Iterator[Any]:
    """Yield the device, with torch seeded, deterministic and on one CPU thread; restore all settings afterwards."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(device.type == "cpu" or strict)
        torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads it; it costs a tenth
        try:
            yield device
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
            torch.utils.deterministic.fill_uninitialized_memory = filled


def _log_popularity(sequences: Sequences, items: int, horizon_days: int) -> np.ndarray:
    """Return the log of each item's share of the latest horizon's purchases (one added to each); 0 for none."""
    import numpy as np

    bought, days = sequences.later_items, sequences.later_days
    lately = bought[(bought > 0) & (days > days.max(initial=0) - horizon_days)]
    counts = np.bincount(lately, minlength=items + 1)[1:] + 1.0
    return np.append(0.0, np.log(counts / counts.mean())).astype("float32")


def _targets(
    torch: Any, batch: list[torch.Tensor], horizon_days: int, lot: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the positions with a later purchase within the horizon, and one such purchase at random for each."""
    items, days, later_items, later_days = batch
    after = later_days[:, None, :] - days[:, :, None]
    right = (after > 0) & (after <= horizon_days) & (later_items[:, None, :] > 0) & (items[:, :, None] > 0)
    chance = torch.rand(right.shape, generator=lot).masked_fill(~right, -1.0)
    best, chosen = chance.max(dim=2)
    place = (best >= 0).flatten().nonzero().squeeze(1)
    return place, later_items.gather(1, chosen).flatten()[place]


def _negatives(torch: Any, items: int, most: int, lot: torch.Generator) -> torch.Tensor:
    """Return the negative items: all of them if they are few, else a new random sample."""
    return torch.arange(1, items + 1) if items <= most else torch.randperm(items, generator=lot)[:most] + 1


def _loss(
    torch: Any,
    network: Any,
    items: torch.Tensor,
    place: torch.Tensor,
    wanted: torch.Tensor,
    negatives: torch.Tensor,
) -> torch.Tensor:
    """Return softmax cross entropy of the wanted items against the negatives, a wanted one counted once."""
    negatives = negatives.to(items.device)
    states = network(items).flatten(0, 1)[place]
    right = (states * network.items(wanted)).sum(dim=1, keepdim=True) + network.bias[wanted][:, None]
    others = states @ network.items(negatives).T + network.bias[negatives]
    others = others.masked_fill(negatives[None, :] == wanted[:, None], float("-inf"))
    nothing = torch.zeros(len(wanted), dtype=torch.int64, device=items.device)
    return torch.nn.functional.cross_entropy(torch.cat([right, others], dim=1), nothing)


def _network(torch: Any, items: int, parameters: Mapping[str, Any]) -> Any:
    nn, size, heads = torch.nn, parameters["dimensions"], parameters["heads"]

    class Block(nn.Module):  # type: ignore[name-defined]
        """Causal self-attention, then two linear layers, each added to what came in."""

        def __init__(self) -> None:
            super().__init__()
            self.before, self.between = nn.LayerNorm(size), nn.LayerNorm(size)
            self.asked, self.mixed = nn.Linear(size, 3 * size), nn.Linear(size, size)
            self.wide, self.narrow = nn.Linear(size, size), nn.Linear(size, size)
            self.dropped = nn.Dropout(parameters["dropout"])

        def forward(self, states: Any, mask: Any) -> Any:
            rows, length, _ = states.shape
            asked = self.asked(self.before(states)).view(rows, length, 3, heads, size // heads)
            query, key, value = asked.permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            states = states + self.mixed(seen.transpose(1, 2).reshape(rows, length, size))
            wide = nn.functional.relu(self.wide(self.between(states)))
            return states + self.dropped(self.narrow(wide))

    class Network(nn.Module):  # type: ignore[name-defined]
        """Items in order (rows x length, 0 where there is none) to a state at each position."""

        def __init__(self) -> None:
            super().__init__()
            self.items = nn.Embedding(items + 1, size, padding_idx=0)
            self.places = nn.Embedding(parameters["length"], size)
            self.bias = nn.Parameter(torch.zeros(items + 1))
            nn.init.normal_(self.items.weight, std=SPREAD)
            nn.init.normal_(self.places.weight, std=SPREAD)
            self.blocks = nn.ModuleList([Block() for _ in range(parameters["blocks"])])
            self.last, self.dropped = nn.LayerNorm(size), nn.Dropout(parameters["dropout"])

        def forward(self, sequences: Any) -> Any:
            length = sequences.shape[1]
            there = sequences > 0
            causal = torch.ones(length, length, dtype=torch.bool, device=sequences.device).tril()
            # A place before the first purchase sees itself, else attention would be over nothing.
            alone = torch.eye(length, dtype=torch.bool, device=sequences.device)
            mask = (causal[None] & there[:, None, :]) | alone[None]
            states = self.dropped(self.items(sequences) + self.places.weight[-length:])
            for block in self.blocks:
                states = block(states, mask[:, None])
            return self.last(states)

    return Network()
