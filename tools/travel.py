"""What travels to another machine and back: images there, an unfinished training back.

There: image sets as archives. Back, and there again: encoders and checkpoints, in so
few and small files that no carrier refuses them. Weights are then rounded to 16 bits
and SGD's momentum starts anew, which is ten steps' worth; a training that goes on from
them is no longer, to the last bit, the one that was never interrupted.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

LIMIT = 64 * 2**20  # bytes of packed images; with the project's files it may be more
PIECE = 15 * 2**20  # bytes of a file that travels back
PIECES = 2
FOR_FRAMING = 2**20  # of a bundle's bytes

State = dict[str, Tensor]


def pack(names: Iterable[str], root: Path, folder: Path) -> int:
    """Write each image set below ``root`` as ``folder/NAME.tar.xz``; give the bytes.

    Raises:
        ValueError: If a set is not there, or all are more than ``LIMIT``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (root / name).is_dir():
            raise ValueError(f"there is no folder {root / name}")
        with tarfile.open(folder / f"{name}.tar.xz", "w:xz") as archive:
            archive.add((root / name).resolve(), name, filter=_without_owner)
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > LIMIT:
        raise ValueError(f"{folder} has {size} bytes, more than {LIMIT}: fewer sets?")
    return size


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def unpack(root: Path, to: Path) -> Path:
    """Where the image sets are: ``root``, or ``to`` if ``root`` holds archives."""
    archives = sorted(root.glob("*.tar.*"))
    if not archives:
        return root
    to.mkdir(parents=True, exist_ok=True)
    for file in archives:
        name = file.name.split(".")[0]
        if (to / name).is_dir():
            continue
        with tempfile.TemporaryDirectory(dir=to) as partial:
            with tarfile.open(file) as archive:
                archive.extractall(partial, filter="data")
            (Path(partial) / name).replace(to / name)
    return to


def bundle(store: Path, out: Path) -> list[str]:
    """Write what a store has begun to ``out``, the newest first while there is room.

    That is notes at its top, encoders, and checkpoints of pretraining by SGD. Those of
    other trainings are left out: they take a minute at most.

    Returns:
        The names of what is in the bundle, below the store.

    Raises:
        AssertionError: If all of it does not fit, and would come back torn.
    """
    content: dict[str, Any] = {
        note.name: note.read_text() for note in sorted(store.glob("*.json"))
    }
    room = PIECES * PIECE - FOR_FRAMING
    found = [*store.glob("checkpoints/*.pt"), *store.glob("encoders/*.safetensors")]
    for file in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True):
        kept = _encoder(file) if file.suffix == ".safetensors" else _checkpoint(file)
        if kept is None or (size := _size(kept)) > room:
            continue
        room -= size
        content[file.relative_to(store).as_posix()] = kept
    written = io.BytesIO()
    torch.save(content, written)
    rest = written.getvalue()
    assert len(rest) <= PIECES * PIECE, "notes and framing outgrew FOR_FRAMING"
    for piece in out.glob("state.*"):
        piece.unlink()
    for number in range(PIECES):
        if rest:
            (out / f"state.{number}").write_bytes(rest[:PIECE])
        rest = rest[PIECE:]
    return list(content)


def unbundle(out: Path, store: Path) -> list[str]:
    """Put back what ``bundle`` wrote, unless the store has it; give its names."""
    pieces = sorted(out.glob("state.*"))
    if not pieces:
        return []
    whole = io.BytesIO(b"".join(piece.read_bytes() for piece in pieces))
    put = []
    for name, kept in torch.load(whole, weights_only=True).items():
        file = store / name
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(kept, str):
            file.write_text(kept)
        elif file.suffix == ".safetensors":
            save_file(_whole(kept["weights"]), file)
            file.with_suffix(".json").write_text(kept["note"])
        else:
            weights = _whole(kept["module"])
            torch.save({**kept, "module": weights, "selected": weights}, file)
        put.append(name)
    return put


def _encoder(file: Path) -> dict[str, Any] | None:
    note = file.with_suffix(".json")
    if not note.exists():
        return None  # half written
    return {"weights": _halved(load_file(file)), "note": note.read_text()}


def _checkpoint(file: Path) -> dict[str, Any] | None:
    """A checkpoint with its weights once and without momentum; or none.

    Pretraining keeps its last weights, which are those that it goes on from.
    """
    kept = torch.load(file, map_location="cpu", weights_only=True)
    optimiser, module = kept["optimiser"], kept["module"]
    by_sgd = all(state.keys() <= {"momentum_buffer"} for state in _states(optimiser))
    selected = kept.pop("selected")
    same = selected.keys() == module.keys() and all(
        torch.equal(selected[name], module[name]) for name in module
    )
    if not (by_sgd and same):
        return None
    return {
        **kept,
        "module": _halved(module),
        "optimiser": {**optimiser, "state": {}},
    }


def _states(optimiser: dict[str, Any]) -> list[dict[str, Any]]:
    return list(optimiser["state"].values())


def _halved(weights: State) -> State:
    """Matrices and kernels in 16 bits; what is small stays as it is."""
    return {
        name: value.half() if value.ndim > 1 and value.is_floating_point() else value
        for name, value in weights.items()
    }


def _whole(weights: State) -> State:
    return {
        name: value.float() if value.dtype == torch.half else value
        for name, value in weights.items()
    }


def _size(kept: dict[str, Any]) -> int:
    weights = kept.get("weights") or kept["module"]
    return sum(value.nbytes for value in weights.values())
