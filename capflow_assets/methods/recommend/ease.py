"""EASE: how much each item that a shopper bought speaks for each other item, learned in closed form.

A linear model that tells each column of shoppers x things from all other columns, with a zero diagonal: H. Steck,
"Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (EASE^R, equation 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array


def fit_weights(bought: csr_array, regularisation: float) -> np.ndarray:
    """Return items x items: the score of everything is the sum of the rows of what was bought; the diagonal is 0.

    `bought` is shoppers x things, 1 where a shopper bought the thing; `regularisation` (over 0) is in shoppers: the
    more, the fewer bold claims. Memory and time grow with the square and the cube of the number of things. Raises
    ValueError when `regularisation` is not over 0.
    """
    import numpy as np

    if not regularisation > 0:
        raise ValueError(f"EASE needs a regularisation over 0, not {regularisation}.")
    gram = (bought.T @ bought).toarray()
    gram[np.diag_indices_from(gram)] += regularisation
    inverse = np.linalg.inv(gram)
    found: np.ndarray = inverse / -np.diag(inverse)
    np.fill_diagonal(found, 0.0)
    return found
