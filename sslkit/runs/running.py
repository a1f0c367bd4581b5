"""Runs: do a recipe once, keep its record, find it again by what decided it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from filelock import FileLock
from tqdm.std import tqdm

from sslkit.images import loading
from sslkit.learning import encoders
from sslkit.runs import recipes
from sslkit.images.imageset import ImageSet, add
from sslkit.learning.devices import precision
from sslkit.learning.encoders import Encoder
from sslkit.judging.evaluate import evaluate
from sslkit.judging.heads import Features, settle
from sslkit.runs.keys import (
    RESULTS_VERSION,
    pretraining_key,
    pretraining_rows,
    run_key,
)
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import (
    Run,
    from_record,
    provenance,
    to_columns,
    to_frame,
    to_record,
    write,
)
from sslkit.images.splits import Split, split
from sslkit.learning.loop import fit

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

NO_HISTORY = pd.DataFrame(columns=["phase", "epoch", "step", "metric", "value"])

# A process does one recipe at a time. Initial weights come from torch's one generator,
# and ``distributed`` holds the one batch in work; a Dask worker has several threads.
_ALONE = threading.Lock()


def run(recipe: Recipe, *, out: str | Path = "runs") -> Run:
    """Do a recipe, or find it done.

    Processes that ``torchrun`` has started do one recipe together and keep one record.

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
    with _ALONE:
        fabric = launch(recipe)
        images = load_images(recipe.data, recipe.extra_unlabelled)
        rows, key, record = _place(recipe, images, store)
        with _missing(record, _lock(store, key), fabric) as missing:
            if missing:
                done = _do(recipe, key, images, rows, store, fabric)
                if fabric.is_global_zero:
                    write(record, done)
    return _kept(record)


def recorded(recipe: Recipe, *, out: str | Path = "runs") -> Run | None:
    """The run of a recipe if it is recorded; nothing is done, and no GPU is used.

    Args:
        recipe: As ``run`` takes it.
        out: The store.

    Raises:
        ValueError: If data or settings do not fit together; see the message.
    """
    images = _load(recipe.data, recipe.extra_unlabelled, "cpu")
    *_, record = _place(recipe, images, Path(out))
    return _kept(record) if record.exists() else None


def run_all(
    todo: Iterable[Recipe],
    *,
    out: str | Path = "runs",
    executor: Executor | None = None,
) -> Iterator[Run]:
    """Do many recipes, here one by one or on any executor, and give runs as they end.

    A bar shows the progress and the time that remains. Recipes that share a pretraining
    should not be neighbours: whoever comes second waits for it. Whoever stops asking
    for runs, by Ctrl-C for one, cancels what no worker has begun.

    Args:
        todo: The recipes.
        out: The store, reachable by every worker.
        executor: Any ``concurrent.futures.Executor``, as those of ``workers``; here if
            none.

    Raises:
        Exception: The first failure, after the others have finished. A note on it names
            the recipe.
    """
    todo = list(todo)
    store = Path(out).absolute()  # a worker may have another working folder
    futures: dict[Future[Run], Recipe] = {}
    finished: Iterator[tuple[Callable[[], Run], Recipe]]
    if executor is None:
        finished = ((partial(run, one, out=store), one) for one in todo)
    else:
        futures = {executor.submit(run, one, out=store): one for one in todo}
        finished = ((done.result, futures[done]) for done in as_completed(futures))
    failures: list[Exception] = []
    # smoothing=0: arms take very different times, so what counts is the mean of all.
    bar = tqdm(finished, "recipes", len(todo), unit="recipe", smoothing=0)
    try:
        for result, recipe in bar:
            try:
                done = result()
            except Exception as error:
                error.add_note(f"in {recipes.describe(recipe)}")
                failures.append(error)
            else:
                yield done
    finally:
        for future in futures:
            future.cancel()
    if failures:
        raise failures[0]


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


def load_images(settings: recipes.Data, extra: recipes.Data | None = None) -> ImageSet:
    """The images of a recipe, decoded once a process and put on its device."""
    return _load(settings, extra, "cuda" if torch.cuda.is_available() else "cpu")


@lru_cache(maxsize=2)
def _load(settings: recipes.Data, extra: recipes.Data | None, device: str) -> ImageSet:
    images = _read(settings)
    if extra is not None:
        images = add(images, _read(replace(extra, image_size=settings.image_size)))
    return images.to(device)


def _read(settings: recipes.Data) -> ImageSet:
    return loading.load(
        settings.name,
        image_size=settings.image_size,
        classes=settings.classes,
        groups=settings.groups,
        test=settings.test,
        limit=settings.limit,
        on_error=settings.on_error,
    )


# ------------------------------------------------------------------- the work


def _place(recipe: Recipe, images: ImageSet, store: Path) -> tuple[Split, str, Path]:
    """The rows of a recipe, its key, and where its record is or will be."""
    rows = split(images, recipe.fraction, recipe.draw, balance=recipe.data.balance)
    key = run_key(recipe, images, rows)
    return rows, key, store / "records" / f"{key}.json"


def _kept(record: Path) -> Run:
    """The run of a record in a store, with its encoder."""
    kept = from_record(json.loads(record.read_text()))
    name = f"{kept.about['pretraining_key']}.safetensors"
    file = record.parents[1] / "encoders" / name
    return replace(kept, encoder=file if file.exists() else None)


def _do(
    recipe: Recipe,
    key: str,
    images: ImageSet,
    rows: Split,
    store: Path,
    fabric: Fabric,
) -> dict[str, Any]:
    """Pretrain, judge by every protocol, and describe it all."""
    encoder, histories, seconds = _pretrained(recipe, images, rows, store, fabric)
    encoder = encoder.to(fabric.device)
    untrained = recipe.method is None and recipe.encoder.init == "random"
    if untrained and "finetune" not in recipe.protocols:  # which settles by itself
        settle(encoder, images, rows.train)
    features = Features(encoder, images)
    checkpoint = store / "checkpoints" / f"{key}.pt"
    judged = evaluate(
        recipe.protocols,
        features,
        rows,
        augmentation=recipe.augmentation,
        probe=recipe.probe,
        downstream=recipe.downstream,
        seed=recipe.seed,
        fabric=fabric,
        checkpoint=checkpoint,
    )
    if fabric.is_global_zero:
        checkpoint.unlink(missing_ok=True)
    scores = {protocol: score for protocol, (score, _) in judged.items()}
    seconds |= {protocol: score.seconds for protocol, score in scores.items()}
    histories |= {
        name: history for name, (_, history) in judged.items() if len(history)
    }
    frames = [frame.assign(phase=phase) for phase, frame in histories.items()]
    history = pd.concat([NO_HISTORY, *frames], ignore_index=True)
    about = {
        "fingerprint": images.fingerprint,
        "classes": list(images.classes),
        "counts": {
            role: int(rows.counts[role].sum())
            for role in ("train", "val", "test", "pool")
        },
        "pretraining_key": pretraining_key(recipe, images, rows),
        "results_version": RESULTS_VERSION,
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
        **provenance(),
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
    key = pretraining_key(recipe, images, rows)
    file = store / "encoders" / f"{key}.safetensors"
    note = file.with_suffix(".json")  # written last: where it is, the encoder is whole
    with _missing(note, _lock(store, key), fabric) as missing:
        if missing:
            began = time.perf_counter()
            checkpoint = store / "checkpoints" / f"{key}.pt"
            learnt, watched = pretraining_rows(recipe, images, rows)
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
            took = time.perf_counter() - began
            history = to_columns(fitted.history.assign(phase="pretrain"))
            if fabric.is_global_zero:
                encoders.save(encoder, file)
                write(note, {"history": history, "seconds": took})
                checkpoint.unlink(missing_ok=True)
    kept = json.loads(note.read_text())
    encoders.load(encoder, file)
    frame = to_frame(kept["history"]).drop(columns="phase")
    return encoder, {"pretrain": frame}, {"pretrain": kept["seconds"]}


def launch(recipe: Recipe) -> Fabric:
    """One device; or this process's among those that torchrun has started."""
    from lightning.fabric import Fabric

    cuda = torch.cuda.is_available()
    numbers: Any = precision(recipe.precision)
    together = torch.distributed.is_torchelastic_launched()
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if together else 1
    world = int(os.environ["WORLD_SIZE"]) if together else 1
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=here,
        num_nodes=world // here,
        strategy="ddp" if world > 1 else "auto",
        precision=numbers,
    )
    fabric.launch()
    return fabric


@contextmanager
def _missing(file: Path, lock: FileLock, fabric: Fabric) -> Iterator[bool]:
    """Whether a file has to be made; meanwhile nobody else makes it.

    Of several processes the first holds the lock, looks, and writes.
    """
    with lock if fabric.is_global_zero else nullcontext():
        yield fabric.broadcast(not file.exists())
        fabric.barrier()


def _lock(store: Path, key: str) -> FileLock:
    """Held while a process works on a key; a killed process lets it go."""
    folder = store / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{key}.lock")
