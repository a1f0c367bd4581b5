"""Weights: read from files of any origin, nothing of which is ever run."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from sslkit.images.names import first_line


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights of a file, less a classifier's (``fc.*``), and what is noted there.

    Args:
        path: Of safetensors, or written by ``torch.save``.

    Raises:
        ValueError: If the file is missing or holds no weights; names it.
    """
    if not path.is_file():
        raise ValueError(f"encoder file '{path}' does not exist")
    note: dict[str, str] = {}
    try:
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, "pt") as file:
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                note = file.metadata() or {}
        else:
            found = plain(path, "cpu")
        kept = {k: v for k, v in found.items() if not k.startswith("fc.")}
        if strange := [k for k, v in kept.items() if not isinstance(v, Tensor)]:
            raise TypeError(f"{strange[0]!r} is no tensor; save a state_dict() alone")
        return kept, note
    except Exception as error:  # of a torn or foreign file; each reader has its own
        raise ValueError(f"'{path}' holds no weights: {first_line(error)}") from error


def plain(path: Path, device: torch.device | str) -> Any:
    """What ``torch.save`` wrote: tensors and plain values, on a device.

    Raises:
        ValueError: If the file holds anything else. To make it could run code that
            somebody put there, so it is not made.
        Exception: If it is damaged; torch's readers have several kinds.
    """
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            "there is more in it than tensors and plain values, or it is damaged; what "
            "could run code is not read"
        ) from error


def digest(path: str | Path) -> str:
    """SHA-256 of the weights in a file, however it was written.

    Raises:
        ValueError: If the file is missing or holds no weights.
    """
    total = hashlib.sha256()
    for name, value in sorted(read(Path(path))[0].items()):
        total.update(f"{name} {value.dtype} {(*value.shape,)} ".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def differs(own: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> str:
    """The first tensor in which weights are not of the shapes that are wanted, if any.

    Args:
        own: What is wanted.
        theirs: What a file has.
    """
    for name, value in own.items():
        if name not in theirs:
            return f"it has no {name}"
        if theirs[name].shape != value.shape:
            return f"{name} is {(*theirs[name].shape,)}, not {(*value.shape,)}"
    more = sorted(theirs.keys() - own.keys())
    return f"it has {more[0]}, too" if more else ""
