"""Runs: do a recipe once, keep its record, find it again by what decided it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock
from lightning.fabric import Fabric
from torch import Tensor
from tqdm.std import tqdm

from sslkit import data, encoders, recipes
from sslkit.data import ImageSet
from sslkit.encoders import Encoder
from sslkit.evaluate import Features, Score, evaluate
from sslkit.recipes import Recipe
from sslkit.splits import Split, split
from sslkit.train import fit

# Raise by hand with every change that can alter a result; CHANGELOG: *Results changed*.
RESULTS_VERSION = 1


@dataclass(frozen=True)
class Run:
    """A recipe that was done.

    Attributes:
        recipe: What was done.
        key: Digest of everything that decided it; the record's name.
        scores: One score a protocol, by name.
        history: Columns phase (``"pretrain"`` or a protocol), epoch, step, metric, value.
        about: Provenance: fingerprint of the data, class names, label counts, versions,
            commit, machine, date, seconds by phase.
        encoder: File of the encoder before any label was seen; ``None`` if there was no
            pretraining, or for records read without their store.
    """

    recipe: Recipe
    key: str
    scores: dict[str, Score]
    history: pd.DataFrame
    about: dict[str, Any]
    encoder: Path | None = None


def run(recipe: Recipe, *, out: str | Path = "runs") -> Run:
    """Do a recipe, or find it done.

    Args:
        recipe: From ``sslkit.recipe`` or by hand.
        out: The store: records, encoders and checkpoints live under it. An interrupted
            run resumes from its last checkpoint; a recipe that another process is
            working on is awaited.

    Returns:
        The run, with scores, history and provenance.

    Raises:
        ValueError: If data or settings do not fit together; see the message.
        FloatingPointError: If a loss is not finite.
    """
    store = Path(out)
    images = load_images(recipe.data)
    rows = split(images, recipe.fraction, recipe.draw, balance=recipe.data.balance)
    key = _digest(_decides_run(recipe, images, rows))
    record = store / "records" / f"{key}.json"
    with _lock(store, key):
        if not record.exists():
            _write(record, _do(recipe, key, images, rows, store))
    done = _from_record(json.loads(record.read_text()))
    file = store / "encoders" / f"{_pretraining_key(recipe, images, rows)}.safetensors"
    return replace(done, encoder=file if file.exists() else None)


def run_all(
    todo: Iterable[Recipe], *, out: str | Path = "runs", executor: Executor | None = None
) -> list[Run]:
    """Do many recipes, here one by one or on any executor; a bar shows the progress.

    Recipes that share a pretraining should follow one another: whoever comes second
    waits for it.

    Args:
        todo: The recipes.
        out: The store, reachable by every worker.
        executor: Any ``concurrent.futures.Executor``; here if none.

    Raises:
        Exception: The first failure, after the others have finished.
    """
    todo = list(todo)
    if executor is None:
        return [run(one, out=out) for one in tqdm(todo, "recipes", unit="recipe")]
    futures = {executor.submit(run, one, out=out): i for i, one in enumerate(todo)}
    bar = tqdm(as_completed(futures), "recipes", len(futures), unit="recipe")
    done = {futures[future]: future for future in bar}
    return [done[i].result() for i in range(len(todo))]


def read(results: str | Path) -> list[Run]:
    """Every record below a folder, from ``.json`` and ``.jsonl`` files, sorted by key.

    Raises:
        ValueError: If the folder has no records, or a file is not one.
    """
    found: dict[str, Run] = {}
    for path in sorted(Path(results).rglob("*.json*")):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        if path.parent.name == "encoders":
            continue
        for number, line in enumerate(lines, 1):
            try:
                one = _from_record(json.loads(line))
            except (KeyError, TypeError, json.JSONDecodeError) as error:
                raise ValueError(f"'{path}' line {number} is not a record: {error}") from error
            found[one.key] = one
    if not found:
        raise ValueError(f"no records under '{results}'")
    return [found[key] for key in sorted(found)]


def to_line(one: Run) -> str:
    """The record as one line of JSON, as ``book/results`` keeps it."""
    return json.dumps(_to_record(one), sort_keys=True, separators=(",", ":"))


def export(key: str, file: str | Path, *, out: str | Path = "runs") -> str:
    """Copy the pretrained encoder of a run to a safetensors file for torchvision.

    Args:
        key: The run's key, the name of its record.
        file: Where to write; ``fc`` is not in it.
        out: The store.

    Returns:
        The lines of Python that load the file into torchvision's model.

    Raises:
        ValueError: If there is no such record, the run had no pretraining, or its
            encoder is the tiny one, which has no counterpart in torchvision.
    """
    record = Path(out) / "records" / f"{key}.json"
    if not record.is_file():
        raise ValueError(f"no record '{record}'; a run prints its record when it ends")
    done = _from_record(json.loads(record.read_text()))
    settings = done.recipe.encoder
    if done.recipe.method is None:
        raise ValueError(f"run {key} had no pretraining, so it has no encoder to export")
    if settings.backbone == "tiny":
        raise ValueError("the tiny encoder has no counterpart in torchvision; use a resnet")
    encoder = Encoder(replace(settings, init="random"))
    encoders.load(encoder, Path(out) / "encoders" / f"{done.about['pretraining_key']}.safetensors")
    encoders.save(encoder, file)
    small = (
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)\n"
        "model.maxpool = torch.nn.Identity()\n"
    )
    return (
        f"model = torchvision.models.{settings.backbone}()\n"
        f"{small if settings.stem == 'small' else ''}"
        "model.fc = torch.nn.Identity()\n"
        f"model.load_state_dict(safetensors.torch.load_file({str(file)!r}))"
    )


@lru_cache(maxsize=2)
def load_images(settings: recipes.Data) -> ImageSet:
    """The images of a recipe, decoded once a process and put on its device."""
    images = data.load(
        settings.name,
        image_size=settings.image_size,
        classes=settings.classes,
        groups=settings.groups,
        test=settings.test,
        limit=settings.limit,
        on_error=settings.on_error,
    )
    return images.to("cuda" if torch.cuda.is_available() else "cpu")


# ------------------------------------------------------------------- the work


def _do(recipe: Recipe, key: str, images: ImageSet, rows: Split, store: Path) -> dict[str, Any]:
    """Pretrain, judge by every protocol, and describe it all."""
    started = time.time()
    fabric = _fabric(recipe)
    encoder, histories, seconds = _pretrained(recipe, images, rows, store, fabric)
    features = Features(encoder.to(fabric.device), images)
    scores: dict[str, Score] = {}
    for protocol in recipe.protocols:
        began = time.perf_counter()
        checkpoint = store / "checkpoints" / f"{key}-{protocol}.pt"
        score, history = evaluate(
            protocol,
            features,
            rows,
            augmentation=recipe.augmentation,
            probe=recipe.probe,
            downstream=recipe.downstream,
            seed=recipe.seed,
            fabric=fabric,
            checkpoint=checkpoint,
        )
        checkpoint.unlink(missing_ok=True)
        seconds[protocol] = time.perf_counter() - began
        scores[protocol] = replace(score, seconds=seconds[protocol])
        if len(history):
            histories[protocol] = history
    history = pd.concat(
        [frame.assign(phase=phase) for phase, frame in histories.items()], ignore_index=True
    ) if histories else pd.DataFrame(columns=["phase", "epoch", "step", "metric", "value"])  # fmt: skip
    about = {
        "fingerprint": images.fingerprint,
        "classes": list(images.classes),
        "counts": {role: int(rows.counts[role].sum()) for role in ("train", "val", "test", "pool")},
        "pretraining_key": _pretraining_key(recipe, images, rows),
        "results_version": RESULTS_VERSION,
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    return _to_record(Run(recipe, key, scores, history, about))


def _pretrained(
    recipe: Recipe, images: ImageSet, rows: Split, store: Path, fabric: Fabric
) -> tuple[Encoder, dict[str, pd.DataFrame], dict[str, float]]:
    """The recipe's encoder, its pretraining history and seconds; trained once a key."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        encoder = Encoder(recipe.encoder)
        objective = recipe.method.objective(encoder) if recipe.method else None
    if objective is None:
        return encoder, {}, {}
    key = _pretraining_key(recipe, images, rows)
    file = store / "encoders" / f"{key}.safetensors"
    note = file.with_suffix(".json")  # written last: where it is, the encoder is whole
    with _lock(store, key):
        if not note.exists():
            began = time.perf_counter()
            checkpoint = store / "checkpoints" / f"{key}.pt"
            learnt, watched = pretraining_rows(recipe, rows)
            fitted = fit(
                objective,
                images,
                learnt,
                validation=watched,
                training=recipe.pretraining,
                seed=recipe.seed,
                fabric=fabric,
                checkpoint=checkpoint,
                title=f"pretrain {recipe.arm}",
            )
            encoders.save(encoder, file)
            took = time.perf_counter() - began
            history = _columns(fitted.history.assign(phase="pretrain"))
            _write(note, {"history": history, "seconds": took})
            checkpoint.unlink(missing_ok=True)
    kept = json.loads(note.read_text())
    encoders.load(encoder, file)
    frame = _frame(kept["history"]).drop(columns="phase")
    return encoder, {"pretrain": frame}, {"pretrain": kept["seconds"]}


def pretraining_rows(recipe: Recipe, rows: Split) -> tuple[Tensor, Tensor]:
    """Which images pretraining learns from, and on which its loss is watched.

    Labels are never seen, nor test images; watched ones are not learnt from. Under
    ``"all"`` neither depends on the fraction, so all fractions share a pretraining.
    """
    if recipe.pretrain == "budget":
        return rows.train, rows.val
    held = rows.pool[~torch.isin(rows.pool, rows.unlabelled)]
    return rows.unlabelled, held


def _fabric(recipe: Recipe) -> Fabric:
    cuda = torch.cuda.is_available()
    precision: Any = recipe.precision
    if precision == "auto":
        precision = "bf16-mixed" if cuda else "32-true"
    return Fabric(accelerator="cuda" if cuda else "cpu", devices=1, precision=precision)


# ------------------------------------------------------------------- the keys


def _pretraining_key(recipe: Recipe, images: ImageSet, rows: Split) -> str:
    """Names an encoder: everything that decides it and nothing else.

    Label fractions under ``pretrain="all"`` and all protocols share one.
    """
    plain = recipes.to_dict(recipe)
    decides = {name: plain[name] for name in ("method", "encoder", "pretraining", "seed")}
    return _digest(
        decides
        | {
            "precision": recipe.precision,
            "version": RESULTS_VERSION,
            "data": images.fingerprint,
            "rows": [_rows_digest(part) for part in pretraining_rows(recipe, rows)],
        }
    )


def _decides_run(recipe: Recipe, images: ImageSet, rows: Split) -> dict[str, Any]:
    """Everything that decides a run: the recipe without labels for people, and the data."""
    plain = recipes.to_dict(recipe)
    for name in ("data", "profile"):
        del plain[name]
    roles = [_rows_digest(r) for r in (rows.train, rows.val, rows.test, rows.unlabelled)]
    return plain | {"version": RESULTS_VERSION, "data": images.fingerprint, "rows": roles}


def _rows_digest(rows: Tensor) -> str:
    return hashlib.sha256(rows.numpy().tobytes()).hexdigest()


def _digest(decides: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


# --------------------------------------------------------------- the records


def _to_record(one: Run) -> dict[str, Any]:
    return {
        "key": one.key,
        "recipe": recipes.to_dict(one.recipe),
        "scores": {name: dataclasses.asdict(score) for name, score in one.scores.items()},
        "history": _columns(one.history),
        "about": one.about,
    }


def _from_record(plain: dict[str, Any]) -> Run:
    return Run(
        recipe=recipes.from_dict(plain["recipe"]),
        key=plain["key"],
        scores={name: Score(**score) for name, score in plain["scores"].items()},
        history=_frame(plain["history"]),
        about=plain["about"],
    )


def _columns(history: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """A history by phase and metric, five significant digits: a tenth of the tidy size."""
    table: dict[str, dict[str, list[float]]] = {}
    for (phase, metric), rows in history.groupby(["phase", "metric"], sort=True):
        entry = table.setdefault(str(phase), {})
        entry["epoch"], entry["step"] = rows["epoch"].tolist(), rows["step"].tolist()
        entry[str(metric)] = [float(f"{value:.5g}") for value in rows["value"]]
    return table


def _frame(table: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """The tidy frame of ``_columns``."""
    rows = [
        (phase, int(epoch), int(step), metric, value)
        for phase, entry in table.items()
        for metric in entry.keys() - {"epoch", "step"}
        for epoch, step, value in zip(entry["epoch"], entry["step"], entry[metric], strict=True)
    ]
    columns = ["phase", "epoch", "step", "metric", "value"]
    return pd.DataFrame(sorted(rows), columns=columns)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all, and never over another record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, sort_keys=True, indent=1))
    partial.replace(path)


def _lock(store: Path, key: str) -> FileLock:
    """Held while one process works on a key; the system drops it with a killed process."""
    folder = store / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{key}.lock")


@lru_cache(maxsize=1)
def _commit() -> str | None:
    """The commit of the source, marked ``+`` when files differ from it; none if installed."""
    def git(*words: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD")
    return commit + "+" * bool(git("status", "--porcelain", "--", ".")) or None


@lru_cache(maxsize=1)
def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = [x for x in info.read_text().splitlines() if x.startswith("model name")] if info.exists() else []
    name = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return f"{name}, {torch.get_num_threads()} threads"
