"""A study of a reader's own folder: look, advise, run, say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from sslkit.folder import (
    capacity,
    label_next,
    machine,
    models,
    pictures,
    recorded,
    report,
    trials,
)
from sslkit.folder import words as in_text
from sslkit.folder.advice import Advice
from sslkit.folder.advise import advise
from sslkit.folder.capacity import LEAST
from sslkit.folder.files import Files, headers
from sslkit.folder.look import Look, doubts, look
from sslkit.folder.machine import Machine
from sslkit.folder.pictures import Picture
from sslkit.folder.trials import Plan
from sslkit.folder.verdict import Decision, Option, decide, in_words, options
from sslkit.images import sources, summary
from sslkit.images.files import whole
from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging.features import Features
from sslkit.learning.encoders import Backbone
from sslkit.runs import inputs
from sslkit.runs.provenance import provenance
from sslkit.runs.recipes import Data
from sslkit.runs.records import Run
from sslkit.runs.store import write
from sslkit.study.provenance import behind

REPORT, NEXT = "report.html", "label-next.csv"
ASKED = 5000  # images among which the next to label are looked for, at most


@dataclass(frozen=True)
class Studied:
    """What a study of a folder found.

    Attributes:
        look: What the images are.
        advice: What was advised.
        runs: The trials.
        ways: What they tried, the best by validation first.
        decision: The verdict; ``None`` without labels, or without time for a trial
            with and one without pretraining.
        report: The page.
    """

    look: Look
    advice: tuple[Advice, ...]
    runs: tuple[Run, ...]
    ways: tuple[Option, ...]
    decision: Decision | None
    report: Path


def study_folder(
    folder: str | Path,
    *,
    out: str | Path,
    minutes: float = 60.0,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    groups: str | None = None,
    test: Literal["given", "image", "group"] = "given",
    on_error: Literal["raise", "skip"] = "raise",
    bits: int | None = None,
    backbone: Backbone | None = None,
    say: Callable[[str], None] = print,
) -> Studied:
    """Find out whether pretraining pays on a folder of images, and keep what was found.

    Stopped at any point, the same call goes on; with more minutes it goes further.

    Args:
        folder: As ``sslkit.load`` takes it.
        out: A folder for the report, the models and the records.
        minutes: Of training, in all.
        image_size: Side in pixels; what is advised if not given.
        classes: As ``sslkit.load`` takes them.
        groups: As ``sslkit.load`` takes them.
        test: As ``sslkit.load`` takes it.
        on_error: As ``sslkit.load`` takes it.
        bits: As ``sslkit.load`` takes them.
        backbone: Of every encoder; what is advised if not given.
        say: Takes what is to be told, a line or more at a time.

    Raises:
        ValueError: If the folder cannot be read as asked, or ``out`` holds the study of
            other images.
    """
    out = Path(out)
    asked: Any = {"name": str(folder), "classes": tuple(classes) if classes else None}
    asked |= {"groups": groups, "test": test, "on_error": on_error, "bits": bits}
    asked |= {"balance": False}
    paths = list(inputs.catalogue(Data(**asked)).table.get("path", ()))
    _, base = sources.resolve(str(folder), None)
    files = headers(base, paths) if paths else None
    data = Data(**asked, image_size=image_size or _advised_size(files))
    images = inputs.load_images(data)
    rows = split(images, 1.0, balance=False) if images.classes else None
    budgets = None if rows is None else {"all labels": rows}
    say("\n".join(summary.lines(images, budgets)))
    seen = look(images, budget=None if rows is None else rows.budget, files=files)
    say(in_text.of_look(seen))
    if paths:  # from here on files are for people who look for them
        skipped = set(images.skipped)
        left = tuple(path for path in paths if path not in skipped)
        images = dataclasses.replace(images, files=left)
    sizes = trials.sizes_of_views(images.size)
    tried = None if backbone is None else [backbone]
    measured = machine.measure(images, tried, sizes=sizes)
    advice = advise(seen, measured, minutes=minutes, recorded=recorded.findings())
    say(in_text.of_advice(advice))
    begun = _Begun(data, images, seen, advice, measured, 60 * minutes, out, say)
    plan = _planned(begun)
    if rows is None:
        return _without_labels(begun, plan)
    return _with_labels(begun, plan, rows)


def _advised_size(files: Files | None) -> int:
    size = capacity.image_size(files, gpu=torch.cuda.is_available()).value
    assert isinstance(size, int)
    return size


@dataclass(frozen=True)
class _Begun:
    """A study before its trials: what was given, seen, advised and measured."""

    data: Data
    images: ImageSet
    look: Look
    advice: tuple[Advice, ...]
    machine: Machine
    seconds: float
    out: Path
    say: Callable[[str], None]


def _planned(begun: _Begun) -> Plan:
    """The plan of a study that was begun, or a new one by advice."""
    file = begun.out / trials.PLAN
    if file.exists():
        kept = trials.read_plan(begun.out)
        if kept.data != begun.data:
            raise ValueError(
                f"'{file}' is the plan for other images, or for these read in another "
                "way; give this study a folder of its own"
            )
        return kept
    found: dict[str, Any] = {one.what: one.value for one in begun.advice}
    methods = ("simclr", "rotnet") if found.get("rotnet") == "yes" else ("simclr",)
    image = begun.machine.labelled[found["backbone"]]
    plan = Plan(
        data=begun.data,
        backbone=found["backbone"],
        methods=methods,
        steps=_steps(found["steps"], methods),
        labelled_steps=trials.labelled_steps(begun.seconds, image),
        bits=None if begun.images.origin is None else begun.images.origin.bits,
        start=next(iter(found.get("weights") or ()), None),
    )
    write(file, dataclasses.asdict(plan))
    return plan


def _steps(advised: int, methods: Sequence[str]) -> int:
    """Methods share the time that is advised for pretraining."""
    return max(1, advised // len(methods))


def _with_labels(begun: _Begun, plan: Plan, rows: Split) -> Studied:
    """Run the trials, decide, and keep the best way as a classifier."""
    images, out, say = begun.images, begun.out, begun.say
    unlabelled = images.rows("unlabelled")[:ASKED]
    todo = trials.recipes(plan, unlabelled=len(unlabelled) > 0)
    done = tuple(trials.within(todo, seconds=begun.seconds, out=out, say=say))
    whole = [run for run in done if run.recipe.fraction == 1]
    labels = images.labels.cpu()[rows.test].numpy()
    groups = None if images.groups is None else images.groups[rows.test.numpy()]
    ways = options(whole, labels)
    decision = None
    if len({way.pretrained for way in ways}) == 2:
        half = [run for run in done if run.recipe.fraction == trials.HALF]
        more = _more(plan.steps, options(half, labels), ways)
        doubted = doubts(begun.look)
        decision = decide(ways, labels, groups=groups, doubts=doubted, more=more)
        say(in_words(decision))
    learnt = next((run.encoder_file for run in whole if run.encoder_file), None)
    kept = [] if learnt is None else models.keep_encoder(learnt, plan.backbone, out)
    wanted = None
    if best := next((way for way in ways if way.method != "histogram"), None):
        classifier = models.learnt_again(whole, best, out)
        kept += models.keep_classifier(classifier, best, out)
        if len(unlabelled):
            features = Features(classifier.encoder, images).take(unlabelled)[0]
            said = models.probabilities(classifier, images, unlabelled)
            found = label_next.unsure(
                features.cpu().numpy(), said.numpy(), images.classes
            )
            wanted = found.assign(row=unlabelled.numpy()[found["row"]])
    return _say(
        Studied(begun.look, begun.advice, done, tuple(ways), decision, out / REPORT),
        images,
        pictures.of_trials(whole, done, ways, images.classes),
        wanted,
        kept,
    )


def _more(steps: int, half: Sequence[Option], whole: Sequence[Option]) -> list[str]:
    """What else may settle a verdict: steps, and labels if they still pay."""
    found = []
    if steps < LEAST:
        found.append(
            f"more minutes: pretraining had {steps:,} steps; before {LEAST:,} it is "
            "hardly through with its task"
        )
    alone = [
        way for some in (half, whole) for way in some if way.method == "supervised"
    ]
    if len(alone) == 2 and (gained := alone[1].accuracy - alone[0].accuracy) > 0:
        found.append(
            "more labels: from half of them to all, supervised training gained "
            f"{gained:.1f} points"
        )
    return found


def _without_labels(begun: _Begun, plan: Plan) -> Studied:
    """Pretrain, and find the images that stand for the others."""
    images, out = begun.images, begun.out
    encoder = trials.pretrained(plan, images, out)
    rows = torch.cat([images.rows("unlabelled"), images.rows("train")])[:ASKED]
    features = Features(encoder, images).take(rows)[0].cpu().numpy()
    found = label_next.typical(features)
    return _say(
        Studied(begun.look, begun.advice, (), (), None, out / REPORT),
        images,
        pictures.of_features(images, rows, features),
        found.assign(row=rows.numpy()[found["row"]]),
        models.keep_encoder(out / trials.ENCODER, plan.backbone, out),
    )


def _say(
    studied: Studied,
    images: ImageSet,
    drawn: Sequence[Picture],
    wanted: pd.DataFrame | None,
    kept: Sequence[str],
) -> Studied:
    """Write the table of what to label next, and the page."""
    if wanted is not None:
        wanted = label_next.write(wanted, images, studied.report.with_name(NEXT))
    page = report.Page(
        name=images.name,
        look=in_text.of_look(studied.look),
        advice=in_text.of_advice(studied.advice),
        decision=studied.decision,
        ways=studied.ways,
        chance=1 / max(len(images.classes), 1),
        pictures=drawn,
        health=in_text.of_pretraining(studied.runs),
        wanted=wanted,
        asked=None
        if wanted is None
        else pictures.of_rows(images, wanted["row"].tolist()),
        shown=pictures.of_look(images, studied.look),
        kept=kept,
        provenance=behind(studied.runs) if studied.runs else provenance(),
    )
    with whole(studied.report) as partial:
        partial.write_text(report.render(page), encoding="utf-8")
    return studied
