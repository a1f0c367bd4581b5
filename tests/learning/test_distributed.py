"""Several gloo processes against one: losses, gradients and weights are the same."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.images.splits import split
from sslkit.judging import selftraining
from sslkit.judging.classifier import Classifier
from sslkit.judging.judge import judge
from sslkit.learning import distributed
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods import METHODS, byol
from sslkit.runs import records
from sslkit.views.augment import Augmentation

ROWS = 23  # three batches, of 8, 8 and 7: not all can be shared evenly
TRAINING = Training(optimiser="sgd", lr=0.05, epochs=2, batch_size=8)
SAME = {"rtol": 0.0, "atol": 1e-10}

# As in test_runs: fresh processes without the seconds of importing torch.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["lightning.fabric", "pytest", "sslkit.runs.running"])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def in_processes(world: int, work: Callable[..., None], *args: Any) -> None:
    """Do ``work(*args)`` in ``world`` processes that torchrun might have started."""
    port = free_port()
    started = [
        forks.Process(target=_enter, args=(rank, world, port, work, *args))
        for rank in range(world)
    ]
    for one in started:
        one.start()
    for one in started:
        one.join(240)
        one.kill()
    assert [one.exitcode for one in started] == [0] * world


def _enter(
    rank: int, world: int, port: int, work: Callable[..., None], *args: Any
) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_WORLD_SIZE": str(world),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
        "USE_LIBUV": "0",
    }
    work(*args)


def objective_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings())
    if name == "classifier":
        return Classifier(encoder, nn.Linear(encoder.dim, 3), Augmentation())
    if name == "byol without a copy":
        return byol.Settings(stop_gradient=False, predictor=False).objective(encoder)
    return METHODS[name].objective(encoder)


def scenes() -> ImageSet:
    settings = shapes.Scenes(n_train=24, n_test=9, n_unlabelled=0)
    return from_shapes(settings, image_size=16)


def learn(
    name: str, file: Path, world: int = 1, checkpoint: Path | None = None
) -> None:
    """Train in float64; keep history, losses, weights and the first gradients."""
    strategy = "ddp" if world > 1 else "auto"
    fabric = Fabric(
        accelerator="cpu", devices=world, strategy=strategy, precision="64-true"
    )
    fabric.launch()
    objective = objective_of(name).double()
    losses: list[Tensor] = []  # before they pass through float32 into the history
    objective.register_forward_hook(lambda *seen: losses.append(seen[-1]["loss"].data))
    gradients: dict[str, Tensor] = {}
    step = torch.optim.SGD.step

    def watched(self: torch.optim.SGD, *args: Any, **kwargs: Any) -> Any:
        for i, group in enumerate(self.param_groups):
            for j, weight in enumerate(group["params"]):
                gradients.setdefault(f"{i}.{j}", weight.grad.clone())
        return step(self, *args, **kwargs)

    torch.optim.SGD.step = watched  # type: ignore[method-assign]
    images = scenes()
    fitted = fit(
        objective,
        images,
        images.rows("train")[:ROWS],
        validation=images.rows("test"),
        training=TRAINING,
        seed=0,
        fabric=fabric,
        checkpoint=checkpoint,
    )
    if fabric.is_global_zero:
        weights = objective.state_dict()
        values = torch.tensor(fitted.history.value.to_numpy())
        kept = {"weights": weights, "grad": gradients, "history": values}
        torch.save({**kept, "losses": torch.stack(losses)}, file)


@pytest.mark.parametrize("name", [*METHODS, "byol without a copy", "classifier"])
@pytest.mark.parametrize("world", [2, 4])
def test_processes_that_share_a_batch_learn_what_one_process_learns(
    name: str, world: int, tmp_path: Path
) -> None:
    in_processes(1, learn, name, tmp_path / "one.pt")
    in_processes(world, learn, name, tmp_path / "many.pt", world)
    one, many = (torch.load(tmp_path / f"{n}.pt") for n in ("one", "many"))
    assert all(g.abs().sum() > 0 for g in one["grad"].values())
    # All has moved, a slow copy too, but for the bias that a batch-norm takes away.
    start = objective_of(name).double().state_dict()
    resting = {n for n, w in one["weights"].items() if torch.equal(w, start[n])}
    assert resting <= {"online.1.3.bias", "target.1.3.bias"}
    assert one["losses"].dtype == torch.float64
    torch.testing.assert_close(many["losses"], one["losses"], **SAME)
    torch.testing.assert_close(many["grad"], one["grad"], **SAME)
    torch.testing.assert_close(many["weights"], one["weights"], **SAME)
    torch.testing.assert_close(many["history"], one["history"], rtol=0, atol=1e-6)


def test_processes_put_a_torn_checkpoint_aside_together(tmp_path: Path) -> None:
    torn = tmp_path / "x.pt"
    torn.write_bytes(b"PK half a checkpoint")
    in_processes(2, learn, "classifier", tmp_path / "anew.pt", 2, torn)
    in_processes(2, learn, "classifier", tmp_path / "without.pt", 2)
    anew, without = (torch.load(tmp_path / f"{n}.pt") for n in ("anew", "without"))
    torch.testing.assert_close(anew["weights"], without["weights"], rtol=0, atol=0)
    assert (tmp_path / "x.pt.unreadable").read_bytes() == b"PK half a checkpoint"


def teach(file: Path, world: int = 1) -> None:
    """Self-training in float64, sure of everything; keep its history and weights."""
    strategy = "ddp" if world > 1 else "auto"
    fabric = Fabric(
        accelerator="cpu", devices=world, strategy=strategy, precision="64-true"
    )
    fabric.launch()
    selftraining.THRESHOLD = 0.0
    settings = shapes.Scenes(n_train=24, n_test=9, n_unlabelled=24)
    images = from_shapes(settings, image_size=16)
    torch.manual_seed(0)
    found = judge(
        Encoder(EncoderSettings()),
        images,
        split(images, labels=4),
        protocols=["selftrain"],
        augmentation=Augmentation(),
        downstream=TRAINING,
        fabric=fabric,
    )["selftrain"]
    if fabric.is_global_zero and found.classifier is not None:
        history = {
            name: rows["value"].tolist()
            for name, rows in found.history.groupby("metric")
        }
        torch.save([found.classifier.state_dict(), history], file)


def test_processes_that_share_self_training_label_the_same_images(
    tmp_path: Path,
) -> None:
    for world in (1, 2):
        in_processes(world, teach, tmp_path / f"{world}.pt", world)
    (weights, one), (others, two) = (torch.load(tmp_path / f"{n}.pt") for n in (1, 2))
    assert one["pseudo_labels"] == two["pseudo_labels"]
    assert one["pseudo_labels"][-1] > 0
    assert one["train_loss"] == pytest.approx(two["train_loss"], rel=1e-4)
    torch.testing.assert_close(weights, others, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_shares_are_nearly_equal_and_leave_nothing_out(world: int) -> None:
    held = [distributed.share(11, rank, world) for rank in range(world)]
    rows = [row for one in held for row in range(one.start, one.start + one.size)]
    assert rows == list(range(11))
    assert max(one.size for one in held) - min(one.size for one in held) <= 1


def test_fewer_rows_than_processes_are_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 3 images cannot be shared by 4"):
        distributed.share(3, 0, 4)


def test_one_process_gathers_what_it_has() -> None:
    rows = torch.rand(3, 2, requires_grad=True)
    with distributed.sharing(distributed.share(3, 0, 1)):
        assert distributed.gather(rows) is rows
    batch_norm = nn.BatchNorm1d(2)
    assert type(distributed.synchronise(batch_norm)) is nn.BatchNorm1d


def _normalise(file: Path) -> None:
    """Our batch-norm over two unequal shares; what it gives, and both gradients."""
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    torch.manual_seed(0)
    images = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    upstream = torch.randn_like(images)
    norm = distributed.synchronise(nn.BatchNorm2d(3).double())
    held = distributed.share(5, fabric.global_rank, 2)
    own = slice(held.start, held.start + held.size)
    part = images[own].requires_grad_()
    with distributed.sharing(held):
        found = norm(part)
        (found * upstream[own]).sum().backward()
        every = distributed.gather(found.detach()), distributed.gather(part.grad)
    if fabric.is_global_zero:
        torch.save([*every, norm.running_mean, norm.running_var], file)


def test_batch_norm_over_processes_is_batch_norm(tmp_path: Path) -> None:
    in_processes(2, _normalise, tmp_path / "found.pt")
    torch.manual_seed(0)
    images = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    upstream = torch.randn_like(images)
    norm = nn.BatchNorm2d(3).double()
    expected = norm(images.requires_grad_())
    (expected * upstream).sum().backward()
    state = norm.running_mean, norm.running_var
    torch.testing.assert_close(
        torch.load(tmp_path / "found.pt"), [expected, images.grad, *state], **SAME
    )


def test_torchrun_does_a_recipe_together_and_records_it_once(tmp_path: Path) -> None:
    def do(*launcher: str, out: Path) -> str:
        options = "run --method simclr --profile smoke --limit 40 --fraction 0.25"
        return subprocess.run(
            [sys.executable, *launcher, "-m", "sslkit", *options.split()]
            + ["--out", str(out)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=240,
        ).stdout

    torchrun = "-m torch.distributed.run --standalone --nproc-per-node 2".split()
    said = do(*torchrun, out=tmp_path / "two")
    assert said.count("record:") == 1
    do(out=tmp_path / "one")
    (two,), (one,) = (records.read(tmp_path / name) for name in ("two", "one"))
    assert two.key == one.key
    assert {p: score.n_test for p, score in two.scores.items()} == {
        p: score.n_test for p, score in one.scores.items()
    }
    # In 32 or 16 bits sums in another order soon make another Adam: only the start is
    # alike.
    first, expected = (
        run.history.query("phase == 'pretrain' and metric == 'train_loss'").value.iloc[
            0
        ]
        for run in (two, one)
    )
    assert first == pytest.approx(expected, rel=0.1)
    assert not list((tmp_path / "two").glob("checkpoints/*"))
