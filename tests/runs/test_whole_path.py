"""The whole path on real images: from folders to a record, with groups kept whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sslkit
from sslkit.__main__ import main

CLASSES = {
    "colon3": ("adenocarcinoma", "adenoma", "healthy"),
    "cifar3": ("cat", "dog", "horse"),
    "clothing3": ("longsleeve", "pants", "tshirt"),
    "lung3": ("lung_aca", "lung_n", "lung_scc"),
}
# A slice of each: few images, so that the groups stay small beside the budget.
SLICES: dict[str, dict[str, Any]] = {
    "colon3": {"limit": 60},
    "cifar3": {"limit": 60},
    "clothing3": {"limit": 100, "groups": "contributors.csv:file:sender_id"},
    "lung3": {"limit": 100, "groups": "files.csv:path:group"},
}


@pytest.fixture(scope="module", params=SLICES)
def name(request: pytest.FixtureRequest, real_images: Path) -> str:
    """A set that is there."""
    name = str(request.param)
    if not (real_images / name).is_dir():
        pytest.skip(f"SSLKIT_DATA has no folder {name}")
    return name


@pytest.fixture(scope="module")
def images(name: str) -> sslkit.ImageSet:
    return sslkit.load(name, image_size=32, **SLICES[name])


def group_by_file(folder: Path, name: str) -> dict[str, str]:
    """The group of each file, from the CSV file alone."""
    file, path, group = SLICES[name]["groups"].split(":")
    table = pd.read_csv(folder / name / file, dtype=str)
    return dict(zip(table[path], table[group], strict=True))


def test_a_slice_has_the_classes_and_the_size_that_were_asked_for(
    name: str, images: sslkit.ImageSet
) -> None:
    limit = SLICES[name]["limit"]
    assert images.classes == CLASSES[name]
    assert images.images.shape == (len(images), 3, 32, 32)
    for part in ("train", "test"):
        counts = np.bincount(images.labels[images.rows(part)].numpy(), minlength=3)
        assert 0 < counts.min() <= counts.max() <= limit


def test_roles_are_disjoint_and_no_group_is_in_two_of_them(
    name: str, images: sslkit.ImageSet, real_images: Path
) -> None:
    split = sslkit.split(images, 0.5)
    roles = {
        role: set(getattr(split, role).tolist()) for role in ("train", "val", "test")
    }
    assert all(roles.values())
    assert sum(map(len, roles.values())) == len(set.union(*roles.values()))
    assert roles["test"] == set(images.rows("test").tolist())
    unlabelled = set(split.unlabelled.tolist())
    assert not unlabelled & (roles["val"] | roles["test"])
    if "groups" not in SLICES[name]:
        return
    known = group_by_file(real_images, name)
    assert images.files is not None
    members = {
        role: {known[f"{images.part[row]}/{images.files[row]}"] for row in sorted(rows)}
        for role, rows in {**roles, "unlabelled": unlabelled}.items()
    }
    assert not members["test"] & (members["train"] | members["val"])
    assert not members["val"] & (members["train"] | members["unlabelled"])


def test_the_whole_path_from_a_folder_to_a_record(
    name: str, images: sslkit.ImageSet, tmp_path: Path
) -> None:
    recipe = sslkit.recipe(
        "rotnet", profile="smoke", data=name, fraction=0.5, **SLICES[name]
    )
    run = sslkit.run(recipe, out=tmp_path)
    (record,) = (tmp_path / "records").glob("*.json")
    assert record.stem == run.key == json.loads(record.read_text())["key"]
    assert run.about["fingerprint"] == images.fingerprint
    assert run.about["classes"] == list(CLASSES[name])
    assert run.encoder_file is not None
    assert run.encoder_file.is_file()
    split = sslkit.split(images, 0.5)
    assert set(run.scores) == {"linear", "finetune"}
    for score in run.scores.values():
        assert score.n_test == len(images.rows("test"))
        assert score.n_train == len(split.train)
        assert math.isfinite(score.loss)
        assert 0 <= score.low <= score.accuracy <= score.high <= 1
    assert set(run.history["phase"]) == {"pretrain", "linear", "finetune"}
    assert np.isfinite(run.history["value"].astype(float)).all()


def test_a_contributor_of_252_images_is_in_one_role(real_images: Path) -> None:
    if not (real_images / "clothing3").is_dir():
        pytest.skip("SSLKIT_DATA has no folder clothing3")
    known = pd.Series(group_by_file(real_images, "clothing3"))
    largest, count = next(iter(known.value_counts().items()))
    assert count == 252
    images = sslkit.load(
        "clothing3", image_size=8, groups=SLICES["clothing3"]["groups"]
    )
    assert images.groups is not None
    mine = np.flatnonzero(images.groups == largest)
    assert len(mine) == 252
    split = sslkit.split(images, 0.5, balance=False)
    roles = [split.train, split.val, split.test, split.unlabelled]
    found = [int(np.isin(mine, rows.numpy()).sum()) for rows in roles]
    train, val, test, unlabelled = found
    assert train in (0, 252)
    assert val in (0, 252)
    assert test in (0, 252)
    assert unlabelled in (0, 252)
    assert train + val + test <= 252


def test_the_command_of_the_readme_works_on_a_name_under_the_folder(
    real_images: Path, tmp_path: Path
) -> None:
    if not (real_images / "colon3").is_dir():
        pytest.skip("SSLKIT_DATA has no folder colon3")
    command = (
        "run --data colon3 --method rotnet --fraction 0.25 --profile smoke --limit 100"
    )
    done = CliRunner().invoke(main, [*command.split(), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "rotnet finetune",
        "rotnet linear",
        "record",
        "encoder",
    ]
    assert "over 300 test images" in lines[0]
