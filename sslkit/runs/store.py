"""The store: a folder of records, encoders and checkpoints, found by their keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from filelock import FileLock

from sslkit.images.files import whole
from sslkit.runs.records import MALFORMED, Run, from_record, lack, to_frame

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used


class Note(NamedTuple):
    """What is known of a pretraining.

    Attributes:
        history: Columns epoch, step, metric, value.
        seconds: Time taken.
        health: The last look at it; empty in notes of older versions.
    """

    history: pd.DataFrame
    seconds: float
    health: dict[str, Any]


@dataclass(frozen=True)
class Store:
    """Where runs are kept.

    Attributes:
        folder: Made when something is written.
    """

    folder: Path

    def record(self, key: str) -> Path:
        """The file of a run's record."""
        return self.folder / "records" / f"{key}.json"

    def encoder(self, key: str) -> Path:
        """The file of a pretrained encoder; beside it lies a note of how it was made.

        The note is written last: where it is, the encoder is whole.
        """
        return self.folder / "encoders" / f"{key}.safetensors"

    def note(self, key: str) -> Path:
        """The file of the history and the seconds of a pretraining."""
        return self.encoder(key).with_suffix(".json")

    def checkpoint(self, key: str) -> Path:
        """The file that an interrupted training goes on from."""
        return self.folder / "checkpoints" / f"{key}.pt"

    def read(self, key: str) -> Run | None:
        """A run with its encoder's file, or none if it is not recorded.

        Raises:
            ValueError: If the record cannot be read; names the file.
        """
        file = self.record(key)
        if not file.exists():
            return None
        try:
            kept = from_record(json.loads(file.read_text()))
            pretrained = kept.about["pretraining_key"]
        except MALFORMED as error:
            raise ValueError(
                f"'{file}' is not a record ({lack(error)}); remove it to have the run "
                "anew"
            ) from error
        encoder = self.encoder(pretrained) if pretrained else None
        there = encoder is not None and encoder.exists()
        return replace(kept, encoder_file=encoder if there else None)

    def read_note(self, key: str) -> Note:
        """The note of a pretraining.

        Raises:
            ValueError: If its note cannot be read, or its encoder is gone.
        """
        file = self.note(key)
        try:
            kept = json.loads(file.read_text())
            history = to_frame(kept["history"]).drop(columns="phase")
            note = Note(history, float(kept["seconds"]), kept.get("health", {}))
            if not self.encoder(key).exists():
                raise ValueError(f"there is no '{self.encoder(key)}'")
        except MALFORMED as error:
            raise ValueError(
                f"'{file}' is no note of a pretraining ({lack(error)}); remove it to "
                "have the encoder anew"
            ) from error
        return note

    @contextmanager
    def missing(self, file: Path, key: str, fabric: Fabric) -> Iterator[bool]:
        """Whether a file has to be made; meanwhile nobody else makes it.

        Of several processes the first holds the lock, looks, and writes. A killed
        process lets it go.

        Raises:
            OSError: If the store cannot be written.
        """
        locks = self.folder / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"the store '{self.folder}' cannot be written ({error.strerror}); name "
                "another folder with out="
            ) from error
        lock = FileLock(locks / f"{key}.lock")
        with lock if fabric.is_global_zero else nullcontext():
            yield fabric.broadcast(not file.exists())
            fabric.barrier()


def write(path: Path, content: dict[str, Any]) -> None:
    """Write plain values as JSON, whole or not at all.

    Raises:
        ValueError: If a number is not finite.
        OSError: If it cannot be written; names the file.
    """
    text = json.dumps(content, sort_keys=True, indent=1, allow_nan=False)
    with whole(path) as partial:
        partial.write_text(text)
