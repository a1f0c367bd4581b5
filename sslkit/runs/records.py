"""Records: what is kept of a run, as JSON, and read again."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from sslkit.images.files import named
from sslkit.judging.scores import Score
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.runs import codec, packing
from sslkit.runs.codec import UnknownName
from sslkit.runs.recipes import Recipe

History = dict[str, dict[str, list[float]]]  # by phase, then metric

# What reading raises where plain values are not those of a record.
MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True)
class Run:
    """A recipe that was done.

    Attributes:
        recipe: What was done.
        key: Digest of everything that decided it; the record's name.
        scores: One score a protocol, by name.
        history: Columns phase (``"pretrain"`` or a protocol), epoch, step, metric,
            value.
        about: Provenance: fingerprint of the data, class names, label counts, versions,
            commit, machine, date, seconds by phase.
        encoder_file: File of the encoder before any label was seen; ``None`` if there
            was no pretraining, or for records read without their store.
    """

    recipe: Recipe
    key: str
    scores: dict[str, Score]
    history: pd.DataFrame
    about: dict[str, Any]
    encoder_file: Path | None = None

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of ``encoder_file``, loaded anew, on the CPU, in eval mode."""
        if self.encoder_file is None:
            return None
        return load_encoder(self.recipe.encoder, self.encoder_file)


def load_encoder(settings: EncoderSettings, file: Path) -> Encoder:
    """The encoder of a file, on the CPU, in eval mode.

    The random weights that it has before leave the caller's generator as it was.
    """
    with torch.random.fork_rng(devices=[]):
        made = Encoder(dataclasses.replace(settings, init="random"))
    encoders.load(made, file)
    return made.eval()


def read(results: str | Path) -> list[Run]:
    """Every record below a folder, from ``.json`` and ``.jsonl`` files, sorted by key.

    A record of a method or with a field that is not known here is left out, with a
    warning that names it.

    Raises:
        ValueError: If the folder has no records, a file is not one, or two of them
            have different scores of one key.
    """
    found: dict[str, Run] = {}
    for path in sorted(Path(results).rglob("*.json*")):
        # Not the notes of pretrainings, nor what a killed process had half written.
        if path.parent.name != "encoders" and not path.name.startswith("."):
            for one in read_file(path):
                if _accuracies(found.setdefault(one.key, one)) != _accuracies(one):
                    raise ValueError(f"'{path}' has other scores of {one.key}")
    if not found:
        raise ValueError(f"no records under '{results}'")
    return [found[key] for key in sorted(found)]


def _accuracies(one: Run) -> dict[str, float]:
    return {name: score.accuracy for name, score in one.scores.items()}


def read_file(path: Path) -> list[Run]:
    """The records of one file: a ``.json`` is one, a ``.jsonl`` has one a line.

    A line ``{"shared": …}`` holds what the lines after it leave out.

    A last line without an end is what a killed process had half written; it is left
    out, with a warning.

    Raises:
        ValueError: If a line is not a record.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"'{path}' is not a record: it is no text ({error})"
        ) from error
    lines = [text]
    if path.suffix == ".jsonl":
        whole, end, rest = text.rpartition("\n")
        lines = (whole + end).splitlines()
        if rest:
            warnings.warn(f"'{path}' ends in half a line, left out", stacklevel=2)
    found = []
    shared: dict[str, Any] = {}
    for number, line in enumerate(lines, 1):
        try:
            plain = json.loads(line)
            if "shared" in plain:
                shared = plain["shared"]
            else:
                found.append(from_record(packing.merge(shared, plain)))
        except UnknownName as error:
            warnings.warn(f"'{path}' line {number} left out: {error}", stacklevel=2)
        except MALFORMED as error:
            raise ValueError(
                f"'{path}' line {number} is not a record: {lack(error)}; remove it, or "
                "name another folder"
            ) from error
    return found


def lack(error: Exception) -> str:
    """What plain values lack that were to be a record, or have that is wrong."""
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def append(file: Path, runs: Iterable[Run]) -> Iterator[Run]:
    """Pass runs on, each written to the end of a ``.jsonl`` file as it comes by.

    A run whose key the file has is not written again. Killed at any point, this leaves
    half a line at most, and the next call takes it away.

    Args:
        file: One record a line; made if it is not there.
        runs: Those to write.

    Raises:
        ValueError: If the file is not called ``.jsonl``, or a line is not a record.
        OSError: If it cannot be written; names it.
    """
    if file.suffix != ".jsonl":
        raise ValueError(f"'{file}' keeps a record a line; call it .jsonl")
    with named(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    known = {one.key for one in read_file(file)}
    os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
    for one in runs:
        if one.key not in known:
            known.add(one.key)
            with named(file), file.open("a") as lines:
                lines.write(f"{to_line(one)}\n")
        yield one


def to_line(one: Run) -> str:
    """The record as one line of JSON, as ``book/results`` keeps it."""
    return json.dumps(to_record(one), sort_keys=True, separators=(",", ":"))


def to_record(one: Run) -> dict[str, Any]:
    """The run as plain values for JSON; ``from_record`` reads it back."""
    scores = {name: dataclasses.asdict(score) for name, score in one.scores.items()}
    for score in scores.values():
        score["seconds"] = round(score["seconds"], 2)
    return {
        "key": one.key,
        "recipe": codec.to_dict(one.recipe),
        "scores": scores,
        "history": to_columns(one.history),
        "about": one.about,
    }


def from_record(plain: dict[str, Any]) -> Run:
    """A run from the plain values of ``to_record``.

    Raises:
        UnknownName: If a method or a field is not known here.
        Exception: One of ``MALFORMED``, if they are not those of a record.
    """
    if not isinstance(plain["key"], str):
        raise ValueError(f"its key is {plain['key']}")
    return Run(
        recipe=codec.from_dict(plain["recipe"]),
        key=plain["key"],
        scores={
            name: codec.decode(Score, score) for name, score in plain["scores"].items()
        },
        history=to_frame(plain["history"]),
        about=plain["about"],
    )


def to_columns(history: pd.DataFrame) -> History:
    """A history by phase and metric, to four digits: a tenth of the tidy size."""
    table: History = {}
    for (phase, metric), rows in history.groupby(["phase", "metric"], sort=True):
        entry = table.setdefault(str(phase), {})
        entry["epoch"], entry["step"] = rows["epoch"].tolist(), rows["step"].tolist()
        entry[str(metric)] = [float(f"{value:.4g}") for value in rows["value"]]
    return table


def to_frame(table: History) -> pd.DataFrame:
    """The tidy frame of ``to_columns``."""
    rows = [
        (phase, int(epoch), int(step), metric, value)
        for phase, entry in table.items()
        for metric in entry.keys() - {"epoch", "step"}
        for epoch, step, value in zip(
            entry["epoch"], entry["step"], entry[metric], strict=True
        )
    ]
    columns = ["phase", "epoch", "step", "metric", "value"]
    return pd.DataFrame(sorted(rows), columns=columns)
