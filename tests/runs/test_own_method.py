"""A method of a user's own: done, recorded, shown, and not in anybody's way."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from small_runs import assert_same, encoder_files, noise, on_folder, settled, small
from torch import Tensor, nn

import sslkit
from sslkit import __main__ as cli
from sslkit.learning.encoders import Encoder
from sslkit.methods import METHODS
from sslkit.runs import arms, codec, records, running, workers
from sslkit.runs.codec import UnknownName
from sslkit.study import grids, tables
from sslkit.study.images import Images
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


@dataclass(frozen=True, kw_only=True)
class Brightness:
    """Learn how bright an image is; by a teacher that follows, if asked for."""

    tag: ClassVar[str] = "brightness"

    follows: float = 0.0
    augmentation: Augmentation = Augmentation(crop=None)

    @property
    def name(self) -> str:
        return "brightness"

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Brightness:
        return replace(self, augmentation=first)

    def chance(self, batch: int) -> None:
        return None

    def objective(self, encoder: Encoder) -> Guess:
        MADE.append(Guess(encoder, self))
        return MADE[-1]


class Guess(nn.Module):
    """A linear head on the student; what is kept is the student or its teacher."""

    def __init__(self, encoder: Encoder, settings: Brightness) -> None:
        super().__init__()
        self.student = encoder
        self.teacher = copy.deepcopy(encoder).requires_grad_(False)
        self.settings = settings
        self.head = nn.Linear(encoder.dim, 1)

    @property
    def encoder(self) -> Encoder:
        return self.teacher if self.settings.follows else self.student

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        return [augment.view(images, self.settings.augmentation, random)]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        told = self.head(self.student(views[0]))[:, 0]
        return {"loss": (told - views[0].mean((1, 2, 3))).square().mean()}

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        both = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
        for mine, theirs in both:
            mine.lerp_(theirs, self.settings.follows)


MADE: list[Guess] = []


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The method is in ``METHODS``."""
    monkeypatch.setitem(METHODS, "brightness", Brightness())
    MADE.clear()
    yield
    MADE.clear()


@pytest.mark.usefixtures("known")
def test_a_method_of_a_users_own_is_done_recorded_and_found_again(
    tmp_path: Path,
) -> None:
    recipe = small("brightness")
    views = small("simclr").augmentation
    assert recipe.method == Brightness(augmentation=views)
    done = sslkit.run(recipe, out=tmp_path)
    assert set(done.scores) == {"linear", "finetune"}
    assert set(done.history["phase"]) == {"pretrain", "linear", "finetune"}
    (read,) = records.read(tmp_path)
    assert_same(read, done)
    assert read.recipe == done.recipe == settled(recipe)
    found = running.recorded(recipe, out=tmp_path)
    assert found is not None
    assert found.encoder_file == encoder_files(tmp_path)[0]
    plain = codec.to_dict(recipe)["method"]
    assert (plain["tag"], plain["follows"]) == ("brightness", 0.0)


@pytest.mark.usefixtures("known")
def test_its_settings_decide_its_keys(tmp_path: Path) -> None:
    recipe = on_folder(noise(tmp_path / "noise"), "brightness")
    other = replace(recipe, method=Brightness(follows=0.5))
    one, two = (sslkit.run(x, out=tmp_path / "runs") for x in (recipe, other))
    assert one.key != two.key
    assert one.encoder_file != two.encoder_file


@pytest.mark.usefixtures("known")
def test_tables_figures_and_the_command_line_take_it_by_its_name(
    tmp_path: Path,
) -> None:
    folder = noise(tmp_path / "noise")
    words = ["run", "--method", "brightness", "--data", str(folder), "--image-size"]
    words += ["16", "--profile", "smoke", "--fraction", "1", "--protocols", "knn"]
    done = CliRunner().invoke(cli.main, [*words, "--out", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("brightness knn: accuracy ")
    for arm in ("simclr", "supervised"):
        sslkit.run(
            small(arm, data=str(folder), image_size=16, protocols=("knn",), fraction=1),
            out=tmp_path / "runs",
        )
    frame = tables.table(records.read(tmp_path / "runs"))
    assert frame["method"].tolist() == ["supervised", "simclr", "brightness"]
    assert arms.arm_of("brightness") == arms.Arm(
        "brightness", "brightness", "#335500", "*", pretrained=True
    )
    looks = [(arm.colour, arm.marker) for arm in arms.ARMS.values()]
    look = arms.arm_of("brightness")
    assert look.colour not in {colour for colour, _ in looks}
    assert look.marker not in {marker for _, marker in looks}
    assert arms.ordered(["b", "brightness", "simclr", "a", "random"]) == [
        *("random", "simclr", "a", "b", "brightness"),
    ]


def test_it_is_in_no_grid_of_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    images = Images(profile="smoke")
    before = list(grids.study(images)), list(grids.arms(images))
    monkeypatch.setitem(METHODS, "brightness", Brightness())
    assert (list(grids.study(images)), list(grids.arms(images))) == before


@pytest.mark.usefixtures("known")
def test_a_worker_that_lacks_the_method_says_so_by_its_tag(tmp_path: Path) -> None:
    with workers.processes(1) as executor:
        every = running.run_all([small("brightness")], out=tmp_path, executor=executor)
        with pytest.raises(UnknownName, match="'brightness' is not in METHODS") as told:
            list(every)
    assert told.value.__notes__ == ["in brightness, 50 % of the labels, draw 0"]
    assert not (tmp_path / "records").exists()


def test_records_of_a_method_that_is_gone_are_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = noise(tmp_path / "noise")
    with monkeypatch.context() as here:
        here.setitem(METHODS, "brightness", Brightness())
        sslkit.run(on_folder(folder, "brightness"), out=tmp_path / "runs")
    kept = sslkit.run(on_folder(folder, "rotnet"), out=tmp_path / "runs")
    with pytest.warns(UserWarning, match="left out: method 'brightness' is not in"):
        (read,) = records.read(tmp_path / "runs")
    assert read.key == kept.key


def same(weights: dict[str, Tensor], encoder: Any) -> bool:
    other = encoder.net.state_dict()
    assert set(weights) == set(other)
    return all(torch.equal(value, other[name].cpu()) for name, value in weights.items())


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("follows", [0.0, 0.25])
def test_a_teacher_is_what_is_judged_and_saved(
    follows: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[Any] = []
    judge = running.judge

    def watched(features: Any, *args: Any, **kwargs: Any) -> Any:
        judged.append(copy.deepcopy(features.encoder))
        return judge(features, *args, **kwargs)

    monkeypatch.setattr(running, "judge", watched)
    start = on_folder(noise(tmp_path / "noise"), "brightness")
    done = sslkit.run(
        replace(start, method=Brightness(follows=follows)), out=tmp_path / "runs"
    )
    assert done.encoder_file is not None
    weights = load_file(done.encoder_file)
    (made,) = MADE
    assert not same(weights, made.student if follows else made.teacher)
    assert same(weights, made.teacher if follows else made.student)
    assert same(weights, judged[0])
    assert same(weights, done.encoder)
