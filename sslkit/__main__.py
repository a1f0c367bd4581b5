"""The command line: ``python -m sslkit study-folder · predict · run · sweep`` etc."""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import click

from sslkit.images.names import as_typed, first_line, printable
from sslkit.options import reading, several, shared

# torch is imported inside the commands: --help answers at once.


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.option("--debug", is_flag=True, help="show where in the code an error arose")
def main(debug: bool) -> None:
    """Pretrain without labels, judge with few labels, keep the record."""


@main.command()
@click.option(
    "--method",
    required=True,
    help="simclr, byol, vicreg, rotnet, rotnet-jitter; or supervised, selftrain, "
    "random, start, histogram",
)
@click.option("--fraction", type=float, help="share of the labels to use, or 0.05")
@click.option("--labels", type=int, help="in its place, how many labels a class")
@click.option("--draw", default=0, help="which labels")
@click.option("--seed", default=0, help="which initial weights and order")
@click.option("--pretraining-seed", type=int, help="of pretraining, if another")
@click.option("--classes", help="a subset, separated by commas")
@click.option("--backbone", help="tiny, small, resnet18, resnet34 or resnet50")
@click.option("--init", help="random, imagenet or an encoder file")
@click.option("--schedule", default="cosine", help="of all phases: or constant")
@click.option("--lr", type=float, help="highest rate, of pretraining and fine-tuning")
@click.option("--epochs", type=int, help="of pretraining and of fine-tuning")
@click.option("--batch-size", type=int, help="images a step")
@click.option(
    "--pretrain",
    help="on the budget, less its validation images, or all labelled of it; on all of "
    "the pool, or everything",
)
@click.option(
    "--protocols",
    help="of linear, mlp, finetune, selftrain, knn, folds, layers; separated by commas",
)
@shared
def run(
    out: Path, method: str, classes: str | None, protocols: str | None, **values: Any
) -> None:
    """Do one recipe, or find it done, and print its scores.

    Before that it says what images and labels it is about to use.
    """
    from sslkit.runs import running
    from sslkit.runs.from_profile import recipe
    from sslkit.runs.recipes import arm_name

    chosen = recipe(
        method, classes=several(classes), protocols=several(protocols), **values
    )
    done = running.run(chosen, out=out, say=_say)
    if int(os.environ.get("RANK", "0")) > 0:
        return  # torchrun's first process speaks for all
    for protocol, score in done.scores.items():
        ends = "" if score.low is None else f" [{score.low:.4f}, {score.high:.4f}]"
        click.echo(
            f"{arm_name(chosen, protocol)} {protocol}: accuracy {score.accuracy:.4f}"
            f"{ends} over {score.n_test} test images, loss {score.loss:.4f}"
        )
    click.echo(f"record: {out / 'records' / done.key}.json")
    if done.encoder_file:
        click.echo(f"encoder: {done.encoder_file}")


@main.command()
@click.option(
    "--grid",
    default="arms",
    help="which recipes: arms, the study's side by side, or study, the whole of it",
)
@click.option("--fractions", default="0.05,0.25", help="arms: of the labels")
@click.option("--curve", default="1.0", help="arms: more of them, supervised alone")
@click.option("--draws", default=5, help="arms: how many, each with its own seed")
@click.option(
    "--more", help="arms: further arms at every share, as histogram,selftrain,byol"
)
@click.option("--start", help="study: imagenet or an encoder file, for a warm start")
@click.option("--other", help="study: another source of unlabelled images")
@click.option("--other-classes", help="study: a subset, separated by commas")
@shared
@click.option(
    "--file", type=click.Path(path_type=Path), help="a .jsonl that gets every record"
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="local processes; if not said, one a GPU, or on a CPU one a core, of a thread",
)
@click.option("--dask", help="instead, the address of a Dask cluster's scheduler")
@click.option("--dry-run", is_flag=True, help="say what it would cost, and stop")
def sweep(
    grid: str,
    fractions: str,
    curve: str,
    draws: int,
    more: str | None,
    start: str | None,
    other: str | None,
    other_classes: str | None,
    out: Path,
    file: Path | None,
    jobs: int | None,
    dask: str | None,
    dry_run: bool,
    **values: Any,
) -> None:
    """Do the recipes of a grid that are not recorded yet, many at a time.

    First it says what images and labels it is about to use, and how long that will
    take, by a short rehearsal on this machine; it ends with a table of what is
    recorded. Stopped at any point, the same command goes on.
    """
    if jobs and dask:
        raise click.UsageError(
            "--jobs is for local processes; a Dask cluster has its own"
        )
    from sslkit.learning.choices import check_choice
    from sslkit.runs import inputs, recipes, workers
    from sslkit.study import grids, sweeping
    from sslkit.study.images import Images

    check_choice("grid", grid, ("arms", "study"))
    images = Images(**values)
    if grid == "study":
        source = (
            recipes.Data(name=other, classes=several(other_classes)) if other else None
        )
        todo = list(grids.study(images, start=start, other=source))
    else:
        arms = grids.arms(
            images,
            fractions=tuple(map(float, several(fractions) or ())),
            curve=tuple(map(float, several(curve) or ())),
            draws=draws,
            more=several(more) or (),
        )
        todo = list(arms)
    with workers.cluster(dask) if dask else workers.processes(jobs) as executor:
        for line in inputs.told(todo):
            _say(line)
        sweeping.sweep(
            todo, out=out, executor=executor, file=file, dry_run=dry_run, say=click.echo
        )


@main.command()
@click.option(
    "--results",
    default="runs",
    type=click.Path(exists=True, path_type=Path),
    help="a store, or a folder of records",
)
def table(results: Path) -> None:
    """Print every recorded score as CSV, a row a score."""
    from sslkit.runs import records
    from sslkit.study import tables

    tables.table(records.read(results)).to_csv(sys.stdout, index=False)


@main.command()
@click.argument("key")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", default="runs", type=click.Path(path_type=Path), help="the store"
)
def export(key: str, file: Path, out: Path) -> None:
    """Write the pretrained encoder of a run (its KEY or record) for torchvision.

    FILE gets safetensors under torchvision's names, without ``fc``.
    """
    from sslkit.runs import exporting

    click.echo(exporting.export(Path(key).stem, file, out=out))


@main.command("study-folder")
@click.argument("folder")
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--minutes", default=60.0, help="of training, in all")
@click.option("--classes", help="a subset, separated by commas")
@click.option("--backbone", help="of every encoder; advised if not said")
@reading
def study_folder(folder: str, classes: str | None, **values: Any) -> None:
    """Find out whether pretraining pays on the images of FOLDER.

    The folder --out gets a report, the encoder, the classifier and what to label next.
    Stopped at any point, the same command goes on, and with more minutes further.
    """
    from sslkit.folder.studying import study_folder

    done = study_folder(folder, classes=several(classes), say=click.echo, **values)
    click.echo(f"report: {done.report}")


@main.command()
@click.argument("study", type=click.Path(exists=True, path_type=Path))
@click.argument("folder")
@click.option("--to", type=click.Path(path_type=Path), help="a CSV file; or printed")
def predict(study: Path, folder: str, to: Path | None) -> None:
    """Say what the images below FOLDER are, by the classifier of a STUDY.

    STUDY is what study-folder wrote. A row an image: file, the likeliest class, and the
    probability of each.
    """
    from sslkit.folder import models

    models.predict(study, folder).to_csv(to or sys.stdout, index=False)


def _say(text: str) -> None:
    """Tell the user a line; results alone go to the standard output."""
    options = {
        option.name or ""
        for command in main.commands.values()
        for option in command.params
        if isinstance(option, click.Option)
    }
    click.echo(printable(as_typed(text, options)), err=True)


def _entry() -> None:
    """Errors take a line; their traceback is shown with ``--debug`` alone."""
    warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        # click takes the end of a file that is read for Ctrl-C, too.
        why = error.__cause__ if isinstance(error, click.Abort) else error
        if isinstance(why, (KeyboardInterrupt, type(None))):
            _say("stopped; the same command goes on from the last checkpoint")
            sys.exit(130)
        if "--debug" in sys.argv:
            raise
        _say(f"error: {_reason(why)}")
        sys.exit(1)


def _reason(error: BaseException) -> str:
    """What went wrong, for somebody who may mend it, or else report it."""
    from sslkit.learning.memory import is_short

    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
    mendable = (ValueError, FloatingPointError, OSError, MemoryError, BrokenExecutor)
    if isinstance(error, mendable):
        return f"{error}{notes}"
    if is_short(error):
        return (
            f"{first_line(error)}{notes}; take smaller images (image_size=), fewer of "
            "them (limit=) or a smaller encoder (backbone=)"
        )
    return (
        f"{type(error).__name__}: {first_line(error)}{notes}; this is a mistake in "
        "sslkit: please report it, with what the same words after `python -m sslkit "
        "--debug` show"
    )


if __name__ == "__main__":
    _entry()
