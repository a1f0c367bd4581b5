"""Memory: what to do where it does not suffice."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from sslkit.images.names import first_line

LEAST = 2  # images a step: one alone has no other to be told from
# torch has a type for a GPU without memory, and only these words for a CPU.
_WORDS = "can't allocate memory"


def is_short(error: BaseException) -> bool:
    """Whether something failed because there is not enough memory."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and _WORDS in str(error)
    )


@contextmanager
def told(
    title: str, batch_size: int, attempt: Callable[[int], object] | None
) -> Iterator[None]:
    """Say, where batches do not fit into the memory, which ones do.

    What a step takes grows with its images and views, beside the weights, and how much
    it would have taken is not known once it failed. So half the batch is tried, then
    half of that, until one fits: each takes less than what has just failed, and can
    harm no more.

    Args:
        title: What the memory is for.
        batch_size: Images a step.
        attempt: Does a whole step with so many images; ``None`` if none can be done.

    Raises:
        MemoryError: In place of whatever kind says so.
    """
    try:
        yield
        return
    except Exception as error:
        if not is_short(error):
            raise
        short = error
    raise MemoryError(
        f"{title}: batches of {batch_size} images do not fit into the memory; "
        f"{_smaller(batch_size, attempt, short)}smaller images (image_size=) or a "
        "smaller encoder (backbone=)"
    ) from short


def _smaller(
    batch_size: int, attempt: Callable[[int], object] | None, short: Exception
) -> str:
    """What is known of smaller batches, and to try the largest that fits."""
    half = size = batch_size // 2
    if half < LEAST:
        return "try "
    unknown = f"try batch_size={half}, "
    if attempt is None:
        return f"whether smaller ones do was not tried: {unknown}"
    while size >= LEAST:
        traceback.clear_frames(short.__traceback__)  # lets go what the step held
        try:
            attempt(size)
        except Exception as error:
            if not is_short(error):
                return f"smaller ones failed ({first_line(error)}): {unknown}"
            short = error
        else:
            return f"batches of {size} do: try batch_size={size}, "
        size //= 2
    return "nor do smaller ones: try "
