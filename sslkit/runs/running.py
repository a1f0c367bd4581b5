"""Running: do a recipe once, keep its record, find it again by what decided it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from tqdm.std import tqdm

from sslkit.images import files, summary
from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.cases import Judged
from sslkit.judging.features import Features, settle
from sslkit.judging.judge import judge
from sslkit.judging.protocols import UNFROZEN
from sslkit.judging.scores import Score
from sslkit.learning import encoders
from sslkit.learning.devices import launch, precision
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods.pretraining import pretrain
from sslkit.runs import codec, recipes, watching
from sslkit.runs.inputs import load_images, on_device, split_of
from sslkit.runs.keys import RESULTS_VERSION, pretraining_key, pretraining_rows, run_key
from sslkit.runs.provenance import provenance
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run, load_encoder, to_columns, to_record
from sslkit.runs.store import Store, write

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

Say = Callable[[str], None]
NO_HISTORY = pd.DataFrame(columns=["phase", "epoch", "step", "metric", "value"])

# A process does one recipe at a time. Initial weights come from torch's one generator,
# and ``distributed`` holds the one batch in work; a Dask worker has several threads.
_ALONE = threading.Lock()


def run(recipe: Recipe, *, out: str | Path = "runs", say: Say | None = None) -> Run:
    """Do a recipe, or find it done.

    Processes that ``torchrun`` has started do one recipe together and keep one record.

    Args:
        recipe: From ``sslkit.recipe`` or by hand.
        out: The store: records, encoders and checkpoints live under it. An interrupted
            run resumes from its last checkpoint; a recipe that another process is
            working on is awaited.
        say: Takes a few lines on images and labels, one by one, before training; and
            how a pretraining went that was found done, as one says itself that is run.

    Returns:
        The run, with scores, history and provenance.

    Raises:
        ValueError: If data or settings do not fit together; see the message.
        FloatingPointError: If a loss is not finite.
    """
    store = Store(Path(out))
    with _ALONE:
        fabric = launch(recipe.precision)
        images = load_images(recipe.data, recipe.extra_unlabelled)
        rows = split_of(recipe, images)
        if say is not None and fabric.is_global_zero:
            for line in summary.lines(images, {recipes.budget(recipe): rows}):
                say(line)
        key = run_key(recipe, images, rows)
        record = store.record(key)
        learnt = pretraining_key(recipe, images, rows)
        found = record.exists() or (learnt is not None and store.note(learnt).exists())
        with store.missing(record, key, fabric) as missing:
            if missing:
                done = _do(recipe, key, images, rows, store, fabric)
                if fabric.is_global_zero:
                    write(record, to_record(done))
    kept = store.read(key)
    assert kept is not None  # it was just written, or was there
    if say is not None and found and fabric.is_global_zero:
        for line in "\n".join(watching.said(kept)).splitlines():
            say(line)
    return kept


def recorded(recipe: Recipe, *, out: str | Path = "runs") -> Run | None:
    """The run of a recipe if it is recorded; nothing is done, and no GPU is used.

    Args:
        recipe: As ``run`` takes it.
        out: The store.

    Raises:
        ValueError: If data or settings do not fit together; see the message.
    """
    images = on_device(recipe.data, recipe.extra_unlabelled, "cpu")
    key = run_key(recipe, images, split_of(recipe, images))
    return Store(Path(out)).read(key)


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
    else:  # as plain values: a worker that lacks the method then says so by its name
        futures = {
            executor.submit(_run_plain, codec.to_dict(one), store): one for one in todo
        }
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


def _run_plain(plain: dict[str, Any], out: Path) -> Run:
    return run(codec.from_dict(plain), out=out)


def _do(
    recipe: Recipe,
    key: str,
    images: ImageSet,
    rows: Split,
    store: Store,
    fabric: Fabric,
) -> Run:
    """Pretrain, judge by every protocol, and describe it all."""
    features, histories, seconds = features_of(recipe, images, rows, store, fabric)
    checkpoint = store.checkpoint(key)
    judged = judged_by(recipe, features, images, rows, fabric, checkpoint)
    if fabric.is_global_zero:
        files.remove(checkpoint)
    scores = {protocol: found.score for protocol, found in judged.items()}
    seconds |= {protocol: score.seconds for protocol, score in scores.items()}
    histories |= {name: found.history for name, found in judged.items()}
    frames = [frame.assign(phase=phase) for phase, frame in histories.items()]
    history = pd.concat([NO_HISTORY, *(f for f in frames if len(f))], ignore_index=True)
    about = {
        "fingerprint": images.fingerprint,
        "classes": list(images.classes),
        "counts": rows.counts[["train", "val", "test", "pool"]].sum().to_dict(),
        "pretraining_key": pretraining_key(recipe, images, rows),
        "results_version": RESULTS_VERSION,
        "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
        **watching.health(recipe, features, rows, store),
        **provenance(),
    }
    # What "auto" became: another machine may take it for something else.
    settled = replace(recipe, precision=precision(recipe.precision))
    return Run(settled, key, scores, history, about)


def judged_by(
    recipe: Recipe,
    features: Features,
    images: ImageSet,
    rows: Split,
    fabric: Fabric,
    checkpoint: Path | None = None,
    known: Mapping[str, Score] | None = None,
) -> dict[str, Judged]:
    """Judge by a recipe's protocols and settings, with these rows.

    Args and errors are those of ``judge``.
    """
    return judge(
        features,
        images,
        rows,
        protocols=recipe.protocols,
        augmentation=recipe.augmentation,
        probe=recipe.probe,
        downstream=recipe.downstream,
        seed=recipe.seed,
        select=recipe.selection,
        fabric=fabric,
        checkpoint=checkpoint,
        known=known,
    )


def features_of(
    recipe: Recipe, images: ImageSet, rows: Split, store: Store, fabric: Fabric
) -> tuple[Features, dict[str, pd.DataFrame], dict[str, float]]:
    """What is judged: a pretrained encoder, or one that never learnt without labels.

    Returns:
        The encoder's features, read as they are asked for; the history and the seconds
        of its pretraining by phase, empty where there was none.
    """
    if recipe.method is not None:
        return _pretrained(recipe, images, rows, store, fabric)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        encoder = encoders.new_encoder(recipe.encoder).to(fabric.device)
    frozen = set(recipe.protocols).isdisjoint(UNFROZEN)
    if isinstance(encoder, Encoder) and recipe.encoder.init == "random" and frozen:
        settle(encoder, images, rows.train)  # what is trained settles by itself
    return Features(encoder, images), {}, {}


def _pretrained(
    recipe: Recipe, images: ImageSet, rows: Split, store: Store, fabric: Fabric
) -> tuple[Features, dict[str, pd.DataFrame], dict[str, float]]:
    """The recipe's encoder, its pretraining history and seconds; trained once a key."""
    key = pretraining_key(recipe, images, rows)
    assert recipe.method is not None and key is not None
    file, note = store.encoder(key), store.note(key)
    with store.missing(note, key, fabric) as missing:
        if missing:
            learnt, watched = pretraining_rows(recipe, images, rows)
            health = watching.watcher(recipe, images, learnt, rows)
            done = pretrain(
                images,
                recipe.method,
                rows=learnt,
                watched=watched,
                backbone=recipe.encoder.backbone,
                stem=recipe.encoder.stem,
                init=recipe.encoder.init,
                training=recipe.pretraining,
                seed=recipe.pretraining_seed,
                fabric=fabric,
                checkpoint=store.checkpoint(key),
                watch=health,
            )
            history = to_columns(done.history.assign(phase="pretrain"))
            if fabric.is_global_zero:
                encoders.save(done.encoder, file)
                look = watching.last_look(health.watched)
                kept = {"history": history, "seconds": done.seconds, "health": look}
                write(note, kept)
    files.remove(store.checkpoint(key))  # also of a process killed before this
    of_it = store.read_note(key)
    features = _features(file, recipe.encoder, images)
    return features, {"pretrain": of_it.history}, {"pretrain": of_it.seconds}


@lru_cache(maxsize=1)
def _features(file: Path, settings: EncoderSettings, images: ImageSet) -> Features:
    """The features of an encoder file, kept for the next recipe that judges it."""
    return Features(load_encoder(settings, file).to(images.device), images)
