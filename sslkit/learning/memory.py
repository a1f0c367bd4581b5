"""Memory: what to do where it does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# torch has a type for a GPU without memory, and only these words for a CPU.
_WORDS = "can't allocate memory"


def is_short(error: BaseException) -> bool:
    """Whether something failed because there is not enough memory."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and _WORDS in str(error)
    )


@contextmanager
def told(title: str, batch_size: int) -> Iterator[None]:
    """Say, where batches do not fit into the memory, which ones may.

    What a step takes grows with its images and views, beside the weights. How much it
    would have taken is not known once it failed: half the batch is the next to try.

    Args:
        title: What the memory is for.
        batch_size: Images a step.

    Raises:
        MemoryError: In place of whatever kind says so.
    """
    try:
        yield
    except Exception as error:
        if not is_short(error):
            raise
        half = f"batch_size={batch_size // 2}, " if batch_size > 1 else ""
        raise MemoryError(
            f"{title}: batches of {batch_size} images do not fit into the memory; try "
            f"{half}smaller images (image_size=) or a smaller encoder (backbone=)"
        ) from error
