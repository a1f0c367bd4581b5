from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning.made import run, same_tensors, some_images, values
from methods.embeddings import pair, pairs, value_and_gradients
from methods.made import learn
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods.byol import BYOL, Settings, deviation, regression_loss
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

EXACT = {"rtol": 0.0, "atol": 1e-10}
CLOSE = {"rtol": 0.0, "atol": 1e-6}
SHORT = Training(optimiser="sgd", lr=0.05, epochs=1, steps=4, batch_size=8)


def by_the_paper(prediction: Tensor, target: Tensor) -> Tensor:
    """Equation 2 for each image, in loops: the distance of normalised vectors."""
    distances = []
    for q, z in zip(prediction, target, strict=True):
        length_q = sum(value**2 for value in q) ** 0.5
        length_z = sum(value**2 for value in z) ** 0.5
        pieces = zip(q, z, strict=True)
        distances.append(sum((a / length_q - b / length_z) ** 2 for a, b in pieces))
    return sum(distances) / len(distances)


# ----------------------------------------------------------------------- loss


@pytest.mark.parametrize(("count", "dim"), [(1, 4), (3, 2), (6, 5)])
def test_the_loss_and_its_gradients_are_the_papers(count: int, dim: int) -> None:
    given_ = pair(count, dim)
    ours = value_and_gradients(regression_loss, *given_)
    torch.testing.assert_close(
        ours, value_and_gradients(by_the_paper, *given_), **EXACT
    )


def test_the_loss_and_its_gradients_are_lightlys_doubled_and_two_more() -> None:
    # 2 - 2 cos by us, -cos by lightly: ours is 2 + 2 lightly's.
    reason = "lightly comes with the extra 'bench'"
    lightly = pytest.importorskip("lightly.loss", reason=reason)
    theirs = lightly.NegativeCosineSimilarity()
    given_ = pair(32, 16)
    torch.testing.assert_close(
        value_and_gradients(regression_loss, *given_),
        value_and_gradients(lambda p, z: 2 + 2 * theirs(p, z), *given_),
        **CLOSE,
    )


def test_agreement_costs_nothing_right_angles_two_and_opposites_four() -> None:
    q = torch.tensor([[3.0, 4.0]])
    for z, wanted in (([6.0, 8.0], 0), ([-4.0, 3.0], 2), ([-3.0, -4.0], 4)):
        loss = regression_loss(q, torch.tensor([z]))
        assert loss.item() == pytest.approx(wanted, abs=1e-6)


@given(batch=pairs, seed=st.integers(0, 2**31))
def test_the_order_of_images_and_of_sides_does_not_matter(
    batch: tuple[Tensor, Tensor], seed: int
) -> None:
    q, z = batch
    order = torch.randperm(len(q), generator=torch.Generator().manual_seed(seed))
    loss = regression_loss(q, z)
    torch.testing.assert_close(regression_loss(q[order], z[order]), loss, **EXACT)
    torch.testing.assert_close(regression_loss(z, q), loss, **EXACT)


@given(batch=pairs, seed=st.integers(0, 2**31), power=st.floats(-3, 3))
def test_the_length_of_no_vector_matters(
    batch: tuple[Tensor, Tensor], seed: int, power: float
) -> None:
    q, z = batch
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.rand(2, len(q), 1, generator=generator, dtype=q.dtype) + 0.1
    lengths[0] *= 10**power
    loss = regression_loss(lengths[0] * q, lengths[1] * z)
    torch.testing.assert_close(loss, regression_loss(q, z), **EXACT)


def test_a_vector_of_zeros_has_a_finite_gradient() -> None:
    q, z = pair(4, 3)
    q[1], z[2] = 0, 0
    for found in value_and_gradients(regression_loss, q, z):
        assert found.isfinite().all()


def test_half_precision_around_it_does_not_coarsen_the_loss() -> None:
    q, z = (one.bfloat16() for one in pair(32, 16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = regression_loss(q, z)
    assert loss.dtype == torch.float32
    exact = by_the_paper(q.double(), z.double()).item()
    assert loss.item() == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("one", "other"), [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((12,), (12,))]
)
def test_vectors_of_other_shapes_are_refused(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="one shape"):
        regression_loss(torch.ones(one), torch.ones(other))


def test_deviation_is_none_of_one_direction_and_one_of_all() -> None:
    same = torch.rand(6).expand(10, 6) * torch.arange(1, 11)[:, None]
    assert deviation(same).item() == pytest.approx(0, abs=1e-6)
    corners = torch.cat([torch.eye(5), -torch.eye(5)]) * 7
    assert deviation(corners).item() == pytest.approx(1, abs=1e-6)
    assert deviation(torch.eye(4)).item() == pytest.approx(math.sqrt(3 / 4), abs=1e-6)


@pytest.mark.parametrize("momentum", [(-0.1, 1.0), (0.9, 1.1), (math.nan, 1.0)])
def test_a_momentum_out_of_range_is_refused(momentum: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="momentum"):
        Settings(momentum=momentum)


# ------------------------------------------------------------------ objective


def objective_of(settings: Settings, seed: int = 0) -> BYOL:
    torch.manual_seed(seed)
    return settings.objective(Encoder(EncoderSettings()))


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def two_views(objective: BYOL, count: int = 8) -> list[Tensor]:
    images = some_images(count).images
    return objective.views(images, RandomNumbers(0, 0, size=count))


def step(objective: BYOL, progress: float) -> dict[str, Tensor]:
    """One step of plain gradient descent, then what comes after a step."""
    outputs = objective(two_views(objective))
    outputs["loss"].backward()
    with torch.no_grad():
        for parameter in objective.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
    objective.after_step(progress)
    return outputs


def test_the_loss_is_that_of_both_directions() -> None:
    objective = objective_of(Settings()).eval()
    views = two_views(objective)
    with torch.no_grad():
        for parameter in objective.target.parameters():  # or it is the network's copy
            parameter.mul_(1.1).add_(0.01)
        outputs = objective(views)
        p1, p2 = (objective.predictor(objective.online(v)).double() for v in views)
        t1, t2 = (objective.target(v).double() for v in views)
    wanted = by_the_paper(p1, t2) + by_the_paper(p2, t1)
    assert outputs["loss"].item() == pytest.approx(wanted.item(), rel=1e-4)
    assert outputs["deviation"].item() == pytest.approx(deviation(t1).item(), rel=1e-4)
    swapped = objective(views[::-1])["loss"]
    assert swapped.item() == pytest.approx(wanted.item(), rel=1e-4)


def test_a_collapse_costs_nothing_and_has_no_deviation() -> None:
    objective = objective_of(Settings()).eval()
    for last in (objective.target[1][-1], objective.predictor[-1]):
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)
    outputs = objective(two_views(objective))
    assert outputs["loss"].item() == pytest.approx(0, abs=1e-6)
    assert outputs["deviation"].item() == pytest.approx(0, abs=1e-6)


def test_predictions_that_know_nothing_of_targets_cost_chance() -> None:
    # In many dimensions random directions are at right angles.
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(4, 500, 300, generator=generator)
    loss = regression_loss(*vectors[:2]) + regression_loss(*vectors[2:])
    assert loss.item() == pytest.approx(Settings().chance(500), abs=0.03)


def test_the_slow_copy_is_judged_begins_as_a_copy_and_gets_no_gradient() -> None:
    torch.manual_seed(0)
    learning = Encoder(EncoderSettings())
    objective = Settings().objective(learning)
    assert objective.online[0] is learning
    assert objective.encoder is objective.target[0]
    assert objective.encoder is not learning
    assert same_tensors(objective.encoder.state_dict(), learning.state_dict())
    objective(two_views(objective))["loss"].backward()
    assert all(p.grad is not None for p in objective.online.parameters())
    assert all(p.grad is not None for p in objective.predictor.parameters())
    slow = list(objective.target.parameters())
    assert all(p.grad is None and not p.requires_grad for p in slow)


@pytest.mark.parametrize("progress", [0.1, 0.5, 0.8, 1.0])
def test_the_slow_copy_moves_by_its_share_of_the_difference(progress: float) -> None:
    objective = objective_of(Settings(momentum=(0.6, 0.9))).double()
    views = [view.double() for view in two_views(objective)]
    objective(views)["loss"].backward()
    with torch.no_grad():
        for parameter in objective.online.parameters():
            parameter -= 0.5 * parameter.grad
    slow, fast = weights(objective.target), weights(objective.online)
    buffers = {n: b.clone() for n, b in objective.target.named_buffers()}
    assert any(not torch.equal(a, b) for a, b in zip(slow, fast, strict=True))
    objective.after_step(progress)
    momentum = 0.9 - 0.3 * (math.cos(math.pi * progress) + 1) / 2
    wanted = [a + (1 - momentum) * (b - a) for a, b in zip(slow, fast, strict=True)]
    torch.testing.assert_close(weights(objective.target), wanted, rtol=0, atol=1e-14)
    assert all(
        torch.equal(a, b) for a, b in zip(weights(objective.online), fast, strict=True)
    )
    # Its batch-norm has seen the same views itself.
    assert same_tensors(dict(objective.target.named_buffers()), buffers)


def test_the_momentum_rises_by_half_a_cosine_from_the_first_to_the_last_step() -> None:
    objective = objective_of(Settings())
    assert Settings().momentum == (0.99, 1.0)
    kept = []
    for progress in torch.linspace(0, 1, 9).tolist():
        with torch.no_grad():
            for slow, fast in zip(
                objective.target.parameters(),
                objective.online.parameters(),
                strict=True,
            ):
                slow.fill_(1)
                fast.fill_(0)
        objective.after_step(progress)
        found = torch.cat([weight.flatten() for weight in weights(objective.target)])
        assert found.unique().numel() == 1
        kept.append(found[0].item())
    assert kept[0] == pytest.approx(0.99, abs=1e-6)
    assert kept[4] == pytest.approx(0.995, abs=1e-6)
    assert kept[-1] == 1
    assert kept == sorted(kept)
    rises = [after - before for before, after in zip(kept, kept[1:], strict=False)]
    assert rises[0] < rises[3]  # slowly at first
    assert rises[-1] < rises[4]  # and in the end


def test_without_momentum_the_copy_is_the_network_after_every_step() -> None:
    objective = objective_of(Settings(momentum=(0.0, 0.0)))
    before = weights(objective.online)
    for progress in (0.3, 0.7, 1.0):
        step(objective, progress)
        online, target = weights(objective.online), weights(objective.target)
        assert all(map(torch.equal, online, target))
        # Both have normalised the same features.
        assert same_tensors(
            objective.target.state_dict(), objective.online.state_dict()
        )
    assert not all(map(torch.equal, before, online))


def test_with_all_momentum_the_copy_never_moves() -> None:
    objective = objective_of(Settings(momentum=(1.0, 1.0)))
    before = weights(objective.target)
    for progress in (0.3, 0.7, 1.0):
        step(objective, progress)
    assert all(map(torch.equal, before, weights(objective.target)))
    assert not all(map(torch.equal, before, weights(objective.online)))


def test_without_predictor_the_embeddings_themselves_must_agree() -> None:
    objective = objective_of(Settings(predictor=False)).eval()
    assert not list(objective.predictor.parameters())
    views = two_views(objective)
    with torch.no_grad():
        o1, o2 = (objective.online(view).double() for view in views)
        loss = objective(views)["loss"].item()
    # The copy has not moved yet, so both directions are one.
    assert loss == pytest.approx(2 * by_the_paper(o1, o2).item(), rel=1e-4)


def test_without_stop_gradient_there_is_one_network_and_it_learns_from_both() -> None:
    objective = objective_of(Settings(stop_gradient=False)).double()
    assert objective.encoder is objective.online[0]
    views = [view.double() for view in two_views(objective)]
    objective(views)["loss"].backward()
    norm = objective.online[0].net.layer1[1]
    assert norm.num_batches_tracked == 1, "the views went through it once"
    found = [p.grad.clone() for p in objective.online.parameters()]
    # The same again, the loss by hand, once with the targets cut off.
    by_hand = []
    for cut in (False, True):
        objective.zero_grad()
        z1, z2 = objective.online(torch.cat(views)).chunk(2)
        p1, p2 = objective.predictor(torch.cat([z1, z2])).chunk(2)
        t1, t2 = (z1.detach(), z2.detach()) if cut else (z1, z2)
        (by_the_paper(p1, t2) + by_the_paper(p2, t1)).backward()
        by_hand.append([p.grad.clone() for p in objective.online.parameters()])
    torch.testing.assert_close(found, by_hand[0], **EXACT)
    assert any((a - b).abs().max() > 1e-6 for a, b in zip(*by_hand, strict=True))
    before = weights(objective)
    objective.after_step(0.5)
    assert all(map(torch.equal, before, weights(objective)))


def test_weights_that_are_saved_and_loaded_go_on_as_the_same(tmp_path: Path) -> None:
    one = objective_of(Settings(momentum=(0.5, 1.0)))
    step(one, 0.2)
    torch.save(one.state_dict(), tmp_path / "weights.pt")
    other = objective_of(Settings(momentum=(0.5, 1.0)), seed=7)
    assert not same_tensors(one.state_dict(), other.state_dict())
    other.load_state_dict(torch.load(tmp_path / "weights.pt"))
    losses = [step(objective, 0.6)["loss"].item() for objective in (one, other)]
    assert losses[0] == losses[1]
    assert same_tensors(one.state_dict(), other.state_dict())


def test_training_moves_the_copy_after_every_step_towards_a_rest() -> None:
    images = some_images(32)
    objective = objective_of(Settings(momentum=(0.0, 0.0)))
    before = weights(objective.encoder)
    run(objective, images, torch.arange(32), SHORT)
    online, target = weights(objective.online), weights(objective.target)
    assert all(map(torch.equal, online, target))
    assert not all(map(torch.equal, before, weights(objective.encoder)))
    resting = objective_of(Settings(momentum=(1.0, 1.0)))
    before = weights(resting.encoder)
    run(resting, images, torch.arange(32), SHORT)
    assert all(map(torch.equal, before, weights(resting.encoder)))


def test_half_precision_trains_without_a_loss_that_is_no_number(
    images: ImageSet,
) -> None:
    made = learn(images, "byol", precision="bf16-mixed")
    assert all(math.isfinite(loss) for loss in values(made.history, "train_loss"))
    assert all(p.isfinite().all() for p in made.encoder.state_dict().values())
    assert {p.dtype for p in made.encoder.parameters()} == {torch.float32}


def test_widths_follow_the_encoders_unless_asked_otherwise() -> None:
    def shapes(settings: Settings) -> list[tuple[int, ...]]:
        made = objective_of(settings)
        heads = [*made.online[1].parameters(), *made.predictor.parameters()]
        return [tuple(p.shape) for p in heads if p.ndim > 1]

    assert shapes(Settings(embedding=24)) == [
        (256, 128), (24, 256), (256, 24), (24, 256),
    ]  # fmt: skip
    assert shapes(Settings(hidden=7, embedding=24))[:2] == [(7, 128), (24, 7)]


def test_the_second_view_may_differ_from_the_first() -> None:
    still = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
    settings = Settings(predictor=False).with_views(Augmentation(), still)
    assert settings == Settings(predictor=False, second=still)
    first, second = two_views(objective_of(settings))
    plain = some_images(8).images / 255
    assert torch.equal(second, plain)
    assert not torch.equal(first, plain)
