"""The prepared half-hour on a GPU, rehearsed on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from small_runs import noise

from sslkit.images.imageset import ImageSet
from sslkit.learning import loop
from sslkit.runs import records
from sslkit.study.few_labels import FIRST, FROZEN, TWENTIETH
from tools import gpu, gpu_tasks, gpu_work, travel
from tools.gpu_tasks import GPU, REHEARSAL, STUDY, Task
from tools.gpu_work import Places

ROOT = Path(__file__).resolve().parents[2]
# What a bare machine lacks, hidden from a process: packages, and git.
LACKING = """
    IPython bokeh dask distributed ipykernel ipywidgets jupyter_book kornia lightly
    medmnist nbformat papermill playwright
""".split()
BARE = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({LACKING}))
runpy.run_module("tools.gpu", run_name="__main__", alter_sys=True)
"""


def on_a_bare_machine(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BARE, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": "", "OMP_NUM_THREADS": "1", "SSLKIT_DATA": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_of_it_is_rehearsed_stopped_and_taken_up_on_a_fresh_machine(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    words = "--rehearse", "--store"
    # Some seconds of about thirty, most of the first ones for imports and CUDA tests.
    begun = time.monotonic()
    on_a_bare_machine(*words, tmp_path / "a", "--minutes", 0.3, "--out", first)
    assert time.monotonic() - begun < 0.3 * 60 + 30  # imports, before there is a clock
    before = done_of(first)

    said = on_a_bare_machine(*words, tmp_path / "b", "--out", second, "--resume", first)
    assert "to the end; 0 wait" in said
    places = Places(tmp_path, tmp_path, tmp_path)
    names = {task.name for task in gpu_tasks.tasks(REHEARSAL, places)}
    assert done_of(second).keys() == names
    assert before.items() <= done_of(second).items()
    assert not [line for line in said.splitlines() if line.split(": ")[0] in before]

    files = sorted(path for path in second.rglob("*") if path.is_file())
    assert len(files) <= 8
    assert max(file.stat().st_size for file in files) < 16 * 2**20
    runs = records.read_file(second / gpu.RECORDS)
    assert len({one.key for one in runs}) == len(runs) == len(names) - 7
    told = {(one.recipe.profile, one.recipe.encoder.backbone) for one in runs}
    assert told == {("few-labels-gpu", "resnet18"), ("study", "resnet50")}
    rates = pd.read_csv(second / gpu.RATES)
    assert {*rates.benchmark} == {
        "pretrain loss",
        "pretrain memory",
        "pretrain rate",
        "race",
        "step",
        "views",
    }


def done_of(folder: Path) -> dict[str, float]:
    file = folder / gpu.DONE
    return json.loads(file.read_text()) if file.exists() else {}


def test_records_of_a_gpu_are_those_of_few_labels_but_for_the_encoder() -> None:
    made = gpu_tasks.of_curve(GPU, "simclr", TWENTIETH, FIRST, FROZEN)
    assert (made.profile, made.variant) == ("few-labels-gpu", "resnet18")
    assert (made.encoder.backbone, made.encoder.stem) == ("resnet18", "small")
    assert (made.pretrain, made.protocols, made.draw) == ("everything", FROZEN, FIRST)
    settings: Any = made.method
    assert settings.temperature == 0.2  # the profile's, tuned
    pretraining = made.pretraining
    assert (pretraining.optimiser, pretraining.steps) == ("sgd", GPU.steps)
    study = gpu_tasks.of_study(GPU, "rotnet", 0)
    assert (study.profile, study.encoder.backbone) == ("study", "resnet50")
    assert (study.data.name, study.data.image_size) == ("colon3", 96)
    assert (study.fraction, study.draw, study.encoder.stem) == (0.05, 0, "image")


def test_the_most_valuable_comes_first_and_an_encoder_before_its_judgements() -> None:
    here = Path()
    every = list(gpu_tasks.tasks(GPU, Places(here, here, here)))
    names = [task.name for task in every]
    assert len(set(names)) == len(names)
    kinds = list(dict.fromkeys(name.split(",")[0].split(":")[0] for name in names))
    assert kinds == [
        "CUDA tests",
        "views",
        "steps",
        "pretraining timed",
        "simclr",
        "simclr linear knn",
        "simclr finetune",
        "supervised alone",
        "rotnet",
        "rotnet linear knn",
        "rotnet finetune",
        "race",
        *(f"study {arm}" for arm in STUDY),
    ]
    assert names[-15:-10] == [f"study {arm}: 0" for arm in STUDY]
    assert [task.name for task in every if task.resumable] == [
        "simclr, pretraining",
        "rotnet, pretraining",
        "race",
    ]


def test_what_is_too_long_or_has_no_images_waits_and_what_failed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    said: list[str] = []
    did: list[str] = []

    def fail() -> None:
        raise ValueError("a reason")

    def task(name: str, seconds: float, **more: Any) -> Task:
        return Task(name, seconds, lambda: did.append(name), **more)

    todo = [
        task("a: 1", 5),
        task("long: 1", 500),
        task("b, whole", 500, resumable=True),
        task("c: 1", 5, data="colon3"),
        Task("wrong", 5, fail),
        task("a: 2", 500),  # the first was quick
    ]
    file = tmp_path / "done.json"
    end = time.monotonic() + 60
    for _ in range(2):
        assert list(gpu.do_all(todo, file, end, said.append)) == ["wrong"]
    assert did == ["a: 1", "b, whole", "a: 2"]
    assert json.loads(file.read_text()).keys() == {*did}
    text = "\n".join(said)
    for words in (
        "long: 1: waits, 500 s",
        "c: 1: waits for colon3",
        "a reason",
        "2 wait",
    ):
        assert words in text


def test_what_runs_too_long_is_stopped_once_and_the_clock_with_it() -> None:
    def work() -> None:
        try:
            time.sleep(60)
        except Exception:  # as around a task that fails
            pytest.fail("it is no error")

    with pytest.raises(gpu.TimeUp), gpu.at_most(0.05):
        work()
    with gpu.at_most(0.05):
        pass
    time.sleep(0.1)


def test_a_race_that_was_stopped_goes_on_and_forgets_what_it_will_see_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = torch.randint(256, (40, 3, 16, 16), dtype=torch.uint8)
    images = ImageSet.of(pixels, torch.arange(40) % 2, test=torch.arange(30, 40))
    monkeypatch.setattr(gpu_work.inputs, "load_images", lambda data: images)
    monkeypatch.setattr(gpu_work, "BACKBONE", "tiny")
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    places = [Places(tmp_path / s, tmp_path, tmp_path / "rates.csv") for s in "ab"]
    save = loop.State.save

    def saved(state: loop.State, *rest: Any) -> None:
        if state.epoch == 3:
            raise gpu.TimeUp
        save(state, *rest)

    monkeypatch.setattr(loop.State, "save", saved)
    with pytest.raises(gpu.TimeUp):
        gpu_work.run_race(REHEARSAL, places[0])
    monkeypatch.setattr(loop.State, "save", save)
    note = places[0].store / "race.json"
    seen = json.loads(note.read_text())["passes"]
    assert [one["step"] for one in seen] == [2, 4]
    # Another call had seen more, and was stopped before it wrote a checkpoint.
    note.write_text(json.dumps({"passes": [*seen, {"step": 6}]}))
    travel.bundle(places[0].store, tmp_path)
    travel.unbundle(tmp_path, places[1].store)
    gpu_work.run_race(REHEARSAL, places[1])
    passes = json.loads((places[1].store / "race.json").read_text())["passes"]
    assert [one["step"] for one in passes] == [2, 4, 6, 8]
    assert passes[:2] == seen
    minutes = [one["minutes"] for one in passes]
    assert minutes == sorted(minutes)
    looks = pd.read_csv(tmp_path / "rates.csv").name
    assert [name.split(",")[1] for name in looks] == [" step 4", " step 8"]


def test_packed_images_come_with_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise(tmp_path / "cifar10")
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    monkeypatch.setenv("SSLKIT_COMMIT", "")
    packed = tmp_path / "packed"
    missing = CliRunner().invoke(gpu.main, ["--pack", str(packed)])
    assert missing.exit_code == 1
    assert "colon3" in missing.output
    done = CliRunner().invoke(gpu.main, ["cifar10", "--pack", str(packed)])
    assert done.exit_code == 0, done.output
    assert (packed / "commit").exists()
    assert CliRunner().invoke(gpu.main, []).exit_code == 2  # where to?
    monkeypatch.delenv("SSLKIT_COMMIT")
    (packed / "commit").write_text("0123456789ab")
    gpu.find_images(packed, tmp_path / "store")
    assert os.environ["SSLKIT_COMMIT"] == "0123456789ab"
    assert os.environ["SSLKIT_DATA"] == str(tmp_path / "store" / "data")
    monkeypatch.setenv("SSLKIT_COMMIT", "")  # so that it is put back
