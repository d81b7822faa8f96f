"""Pictures by their colours and edges: no model, no weights. Shows what looks alike, not what is shown.

Histograms of oriented gradients: N. Dalal, B. Triggs, CVPR 2005 (cells of a 128-pixel square, blocks left out);
histograms compared by their square roots (Hellinger): R. Arandjelovic, A. Zisserman, CVPR 2012.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import Unreadable, normalise_rows

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

SIDE, CELL, ANGLES, LEVELS = 128, 16, 9, 4
MOST_PIXELS = 100_000_000  # as capflow_resources/sources/media has it


def decode_picture(data: bytes) -> Image:
    """Decode a picture: upright, on white, RGB, its longer side at most 512 pixels. Raises Unreadable."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Unreadable(f"more than {MOST_PIXELS:,} pixels")
            opened.draft("RGB", (512, 512))
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except UnidentifiedImageError:
        raise Unreadable("no picture that can be read") from None
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, struct.error) as error:
        raise Unreadable(f"cannot be decoded ({type(error).__name__})") from None
    upright.thumbnail((512, 512))
    shown = Image.new("RGBA", upright.size, "white")
    shown.alpha_composite(upright)
    return shown.convert("RGB")


@dataclass(frozen=True)
class Pixels:
    """A histogram of 64 colours, and of edge directions (9 in each of 8 by 8 cells), half the weight each."""

    dimensions: int = LEVELS**3 + (SIDE // CELL) ** 2 * ANGLES

    def encode(self, contents: Sequence[Image]) -> np.ndarray:
        """Return the vectors of pictures, of length 1."""
        import numpy as np

        rows = np.zeros((len(contents), self.dimensions))
        for row, image in zip(rows, contents, strict=True):
            squared = np.asarray(image.resize((SIDE, SIDE)), dtype=np.float64)
            parts = (_colours(squared), _edges(squared))
            row[:] = np.concatenate([normalise_rows(part[None])[0] for part in parts])
        return normalise_rows(rows)


def _colours(image: np.ndarray) -> np.ndarray:
    import numpy as np

    levels = (image // (256 // LEVELS)).astype(np.int64)
    bins = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    found: np.ndarray = np.sqrt(np.bincount(bins.ravel(), minlength=LEVELS**3).astype(np.float64))
    return found


def _edges(image: np.ndarray) -> np.ndarray:
    import numpy as np

    grey = image @ np.array([0.299, 0.587, 0.114])
    down, right = np.gradient(grey)
    angle = (np.arctan2(down, right) % np.pi) / np.pi * ANGLES
    cells = np.arange(SIDE) // CELL
    place = (cells[:, None] * (SIDE // CELL) + cells[None, :]) * ANGLES + angle.astype(np.int64) % ANGLES
    size = (SIDE // CELL) ** 2 * ANGLES
    found: np.ndarray = np.sqrt(np.bincount(place.ravel(), np.hypot(down, right).ravel(), size))
    return found
