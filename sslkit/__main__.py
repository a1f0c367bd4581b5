"""The command line: ``python -m sslkit study-folder · predict · run · sweep`` etc."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import click

# torch is imported inside the commands: --help answers at once.


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
def main() -> None:
    """Pretrain without labels, judge with few labels, keep the record."""


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which images, how, and where to."""
    for option in (
        click.option(
            "--out", default="runs", type=click.Path(path_type=Path), help="the store"
        ),
        click.option("--limit", type=int, help="at most this many images a class"),
        click.option(
            "--test", default="given", help="test images: given, image or group"
        ),
        click.option("--groups", help="pattern on class/name, or file.csv:path:group"),
        click.option("--image-size", type=int, help="side in pixels"),
        click.option("--profile", default="quick", help="where other values start"),
        click.option(
            "--data",
            help="shapes, cifar10, stl10, fashionmnist, bloodmnist, pathmnist "
            "or an image folder",
        ),
    ):
        command = option(command)
    return command


def _several(text: str | None) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in text.split(",")) if text else None


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
@click.option("--on-error", default="raise", help="unreadable files: raise or skip")
@click.option("--backbone", help="tiny, small, resnet18, resnet34 or resnet50")
@click.option("--init", help="random, imagenet or an encoder file")
@click.option("--schedule", default="cosine", help="of all phases: or constant")
@click.option("--lr", type=float, help="highest rate, of pretraining and fine-tuning")
@click.option("--epochs", type=int, help="of pretraining and of fine-tuning")
@click.option("--batch-size", type=int, help="images a step")
@click.option("--pretrain", help="on the images of the budget, on all, or everything")
@click.option(
    "--protocols", help="of linear, mlp, finetune, selftrain, knn; separated by commas"
)
@_shared
def run(
    out: Path, method: str, classes: str | None, protocols: str | None, **values: Any
) -> None:
    """Do one recipe, or find it done, and print its scores."""
    from sslkit.runs import running
    from sslkit.runs.from_profile import recipe
    from sslkit.runs.recipes import arm_name

    chosen = recipe(
        method, classes=_several(classes), protocols=_several(protocols), **values
    )
    done = running.run(chosen, out=out)
    if int(os.environ.get("RANK", "0")) > 0:
        return  # torchrun's first process speaks for all
    for protocol, score in done.scores.items():
        click.echo(
            f"{arm_name(chosen, protocol)} {protocol}: "
            f"accuracy {score.accuracy:.4f} [{score.low:.4f}, {score.high:.4f}] over "
            f"{score.n_test} test images, loss {score.loss:.4f}"
        )
    click.echo(f"record: {out / 'records' / done.key}.json")
    if done.encoder_file:
        click.echo(f"encoder: {done.encoder_file}")


@main.command()
@click.option(
    "--grid",
    default="arms",
    type=click.Choice(["arms", "study"]),
    help="which recipes: every arm side by side, or the whole study",
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
@_shared
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

    First it says how long that will take, by a short rehearsal on this machine; it ends
    with a table of what is recorded. Stopped at any point, the same command goes on.
    """
    if jobs and dask:
        raise click.UsageError(
            "--jobs is for local processes; a Dask cluster has its own"
        )
    from sslkit.runs import recipes, workers
    from sslkit.study import grids, sweeping
    from sslkit.study.images import Images

    images = Images(**values)
    if grid == "study":
        source = (
            recipes.Data(name=other, classes=_several(other_classes)) if other else None
        )
        todo = grids.study(images, start=start, other=source)
    else:
        todo = grids.arms(
            images,
            fractions=tuple(map(float, _several(fractions) or ())),
            curve=tuple(map(float, _several(curve) or ())),
            draws=draws,
            more=_several(more) or (),
        )
    with workers.cluster(dask) if dask else workers.processes(jobs) as executor:
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
    from sslkit.runs import running

    found = running.export(Path(key).stem, file, out=out)
    click.echo(found)


@main.command("study-folder")
@click.argument("folder")
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--minutes", default=60.0, help="of training, in all")
@click.option("--image-size", type=int, help="side in pixels; advised if not said")
@click.option("--classes", help="a subset, separated by commas")
@click.option("--groups", help="pattern on class/name, or file.csv:path:group")
@click.option("--test", default="given", help="test images: given, image or group")
@click.option("--on-error", default="raise", help="unreadable files: raise or skip")
@click.option("--backbone", help="of every encoder; advised if not said")
def study_folder(folder: str, classes: str | None, **values: Any) -> None:
    """Does pretraining pay on the images of FOLDER? A report, and what was learnt.

    It looks at the images, says what it would do, tries it within the minutes given,
    and writes report.html, the encoder and the classifier to the folder --out. Stopped
    at any point, the same command goes on; with more minutes it goes further.
    """
    from sslkit.folder.studying import study_folder

    done = study_folder(folder, classes=_several(classes), say=click.echo, **values)
    click.echo(f"report: {done.report}")


@main.command()
@click.argument("study", type=click.Path(exists=True, path_type=Path))
@click.argument("folder")
@click.option("--to", type=click.Path(path_type=Path), help="a CSV file; or printed")
def predict(study: Path, folder: str, to: Path | None) -> None:
    """Say what the images of FOLDER are, by the classifier of a STUDY of a folder.

    FOLDER has images in any order of folders. A row an image: file, the likeliest
    class, and the probability of each.
    """
    from sslkit.folder import models

    models.predict(study, folder).to_csv(to or sys.stdout, index=False)


def _entry() -> None:
    """Errors that a user can mend take a line; anything else keeps its traceback."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo(
            "stopped; the same command goes on from the last checkpoint", err=True
        )
        sys.exit(130)
    except (ValueError, FloatingPointError, OSError, BrokenExecutor) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", []))
        click.echo(f"error: {error}{notes}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    _entry()
