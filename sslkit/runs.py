"""Runs: do a recipe once, keep its record, find it again by what decided it."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import replace
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
from sslkit.records import Run, from_record, to_columns, to_frame, to_record, write
from sslkit.splits import Split, split
from sslkit.train import fit

# Raise by hand with every change that can alter a result; CHANGELOG: *Results changed*.
RESULTS_VERSION = 1
NO_HISTORY = pd.DataFrame(columns=["phase", "epoch", "step", "metric", "value"])


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
            write(record, _do(recipe, key, images, rows, store))
    done = from_record(json.loads(record.read_text()))
    file = store / "encoders" / f"{_pretraining_key(recipe, images, rows)}.safetensors"
    return replace(done, encoder=file if file.exists() else None)


def run_all(
    todo: Iterable[Recipe],
    *,
    out: str | Path = "runs",
    executor: Executor | None = None,
) -> list[Run]:
    """Do many recipes, here one by one or on any executor; a bar shows the progress.

    Recipes that share a pretraining should follow one another: whoever comes second
    waits for it.

    Args:
        todo: The recipes.
        out: The store, reachable by every worker.
        executor: Any ``concurrent.futures.Executor``; here if none.

    Raises:
        Exception: The first failure; on an executor, after the others have finished.
    """
    todo = list(todo)
    if executor is None:
        return [run(one, out=out) for one in tqdm(todo, "recipes", unit="recipe")]
    futures = {executor.submit(run, one, out=out): i for i, one in enumerate(todo)}
    bar = tqdm(as_completed(futures), "recipes", len(futures), unit="recipe")
    done = {futures[future]: future for future in bar}
    return [done[i].result() for i in range(len(todo))]


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
    done = from_record(json.loads(record.read_text()))
    settings = done.recipe.encoder
    if done.recipe.method is None:
        raise ValueError(
            f"run {key} had no pretraining, so it has no encoder to export"
        )
    if settings.backbone == "tiny":
        raise ValueError(
            "the tiny encoder has no counterpart in torchvision; use a resnet"
        )
    encoder = Encoder(replace(settings, init="random"))
    encoders.load(
        encoder, Path(out) / "encoders" / f"{done.about['pretraining_key']}.safetensors"
    )
    encoders.save(encoder, file)
    small = (
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)\n"
        "model.maxpool = torch.nn.Identity()\n"
    )
    return (
        "import safetensors.torch, torch, torchvision\n"
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


def _do(
    recipe: Recipe, key: str, images: ImageSet, rows: Split, store: Path
) -> dict[str, Any]:
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
    frames = [frame.assign(phase=phase) for phase, frame in histories.items()]
    history = pd.concat([NO_HISTORY, *frames], ignore_index=True)
    about = {
        "fingerprint": images.fingerprint,
        "classes": list(images.classes),
        "counts": {
            role: int(rows.counts[role].sum())
            for role in ("train", "val", "test", "pool")
        },
        "pretraining_key": _pretraining_key(recipe, images, rows),
        "results_version": RESULTS_VERSION,
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    return to_record(Run(recipe, key, scores, history, about))


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
            history = to_columns(fitted.history.assign(phase="pretrain"))
            write(note, {"history": history, "seconds": took})
            checkpoint.unlink(missing_ok=True)
    kept = json.loads(note.read_text())
    encoders.load(encoder, file)
    frame = to_frame(kept["history"]).drop(columns="phase")
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
    plain = _plain(recipe)
    decides = {
        name: plain[name] for name in ("method", "encoder", "pretraining", "seed")
    }
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
    """Everything that decides a run: the recipe less its names, and the data."""
    plain = _plain(recipe)
    for name in ("data", "profile"):
        del plain[name]
    roles = [
        _rows_digest(r) for r in (rows.train, rows.val, rows.test, rows.unlabelled)
    ]
    return plain | {
        "version": RESULTS_VERSION,
        "data": images.fingerprint,
        "rows": roles,
    }


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values; an encoder file counts by its content."""
    plain = recipes.to_dict(recipe)
    init = recipe.encoder.init
    if init not in ("random", "imagenet") and Path(init).is_file():
        content = Path(init).read_bytes()
        plain["encoder"]["init"] = hashlib.sha256(content).hexdigest()
    return plain


def _rows_digest(rows: Tensor) -> str:
    return hashlib.sha256(rows.numpy().tobytes()).hexdigest()


def _digest(decides: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _lock(store: Path, key: str) -> FileLock:
    """Held while a process works on a key; a killed process lets it go."""
    folder = store / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{key}.lock")


@lru_cache(maxsize=1)
def _commit() -> str | None:
    """The commit of the source, with ``+`` if files differ; none if installed."""

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
    names = (
        [x for x in info.read_text().splitlines() if x.startswith("model name")]
        if info.exists()
        else []
    )
    name = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return f"{name}, {torch.get_num_threads()} threads"
