from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning.made import run, some_images, values
from methods.embeddings import pair, pairs, value_and_gradients
from methods.made import learn
from torch import Tensor, nn

from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods.byol import deviation
from sslkit.methods.vicreg import EPSILON, Settings, VICReg, terms, vicreg
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

EXACT = {"rtol": 0.0, "atol": 1e-10}
CLOSE = {"rtol": 0.0, "atol": 1e-6}
SMALL = 0.3  # so short of the deviation 1 that the variance has something to say


def by_the_authors(
    z1: Tensor, z2: Tensor, weights: tuple[float, float, float] = (25.0, 25.0, 1.0)
) -> Tensor:
    """The authors' code (github.com/facebookresearch/vicreg) in loops."""
    count, dim = z1.shape
    images, dims = range(count), range(dim)
    apart = sum((z1[i, d] - z2[i, d]) ** 2 for i in images for d in dims)
    lacking, shared = [], []
    for z in (z1, z2):
        mean = [sum(z[i, d] for i in images) / count for d in dims]
        for d in dims:
            squares = sum((z[i, d] - mean[d]) ** 2 for i in images) / (count - 1)
            deviation = (squares + 1e-4) ** 0.5
            lacking.append((1 - deviation if deviation < 1 else 0 * deviation) / dim)
            for e in dims:
                products = sum(
                    (z[i, d] - mean[d]) * (z[i, e] - mean[e]) for i in images
                )
                if d != e:
                    shared.append((products / (count - 1)) ** 2 / dim)
    invariance, variance, covariance = weights
    loss = invariance * apart / (count * dim) + variance * sum(lacking) / 2
    return loss + covariance * sum(shared)


# ----------------------------------------------------------------------- loss


@pytest.mark.parametrize(
    "weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
)
@pytest.mark.parametrize(("count", "dim"), [(2, 3), (6, 5), (5, 1)])
def test_the_loss_and_its_gradients_are_the_authors(
    count: int, dim: int, weights: tuple[float, float, float]
) -> None:
    given_ = [SMALL * z + 3 for z in pair(count, dim)]
    given_[1][:, 0] *= 9  # above the deviation that is asked for
    names = ("invariance", "variance", "covariance")
    ours = value_and_gradients(
        lambda *z: vicreg(*z, **dict(zip(names, weights, strict=True))), *given_
    )
    theirs = value_and_gradients(lambda *z: by_the_authors(*z, weights), *given_)
    torch.testing.assert_close(ours, theirs, **EXACT)


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 2.0, 3.0)])
def test_the_loss_and_its_gradients_are_lightlys(
    weights: tuple[float, float, float],
) -> None:
    # The same normalisation, so the map from theirs to ours is the identity.
    reason = "lightly comes with the extra 'bench'"
    lightly = pytest.importorskip("lightly.loss", reason=reason)
    theirs = lightly.VICRegLoss(*weights)
    names = ("invariance", "variance", "covariance")
    given_ = [SMALL * z + 3 for z in pair(32, 16)]
    torch.testing.assert_close(
        value_and_gradients(
            lambda *z: vicreg(*z, **dict(zip(names, weights, strict=True))), *given_
        ),
        value_and_gradients(theirs, *given_),
        **CLOSE,
    )


def test_the_default_weights_are_25_25_and_1() -> None:
    z1, z2 = pair(6, 4)
    parts = terms(z1, z2)
    wanted = 25 * parts["invariance"] + 25 * parts["variance"] + parts["covariance"]
    torch.testing.assert_close(vicreg(z1, z2), wanted, **EXACT)
    chosen = Settings()
    assert (chosen.invariance, chosen.variance, chosen.covariance) == (25, 25, 1)


def test_terms_of_two_images_by_hand() -> None:
    z1 = torch.tensor([[0.0, 0.0], [2.0, 4.0]])  # variances 2 and 8, covariance 4
    z2 = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    parts = {name: value.item() for name, value in terms(z1, z2).items()}
    assert parts["invariance"] == pytest.approx((4 + 16) / 4)
    assert parts["variance"] == pytest.approx((0 + (1 - 0.01)) / 2, abs=1e-6)
    assert parts["covariance"] == pytest.approx(2 * 4**2 / 2)


@given(batch=pairs, seed=st.integers(0, 2**31))
def test_the_order_of_images_of_dimensions_and_of_views_does_not_matter(
    batch: tuple[Tensor, Tensor], seed: int
) -> None:
    z1, z2 = (SMALL * z for z in batch)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(z1), generator=generator)
    dims = torch.randperm(z1.shape[1], generator=generator)
    wanted = terms(z1, z2)
    for one, other in ((z2, z1), (z1[order], z2[order]), (z1[:, dims], z2[:, dims])):
        torch.testing.assert_close(terms(one, other), wanted, **EXACT)


@given(batch=pairs, scale=st.floats(0.1, 10))
def test_terms_scale_as_squares_as_deviations_and_as_fourth_powers(
    batch: tuple[Tensor, Tensor], scale: float
) -> None:
    z1, z2 = batch
    was, found = terms(z1, z2), terms(scale * z1, scale * z2)
    near = {"rtol": 1e-9, "atol": 1e-10}
    torch.testing.assert_close(
        found["invariance"], scale**2 * was["invariance"], **near
    )
    torch.testing.assert_close(
        found["covariance"], scale**4 * was["covariance"], **near
    )
    deviations = [(scale**2 * z.var(0) + EPSILON).sqrt() for z in (z1, z2)]
    lacking = torch.cat([(1 - one).clamp(min=0) for one in deviations])
    torch.testing.assert_close(found["variance"], lacking.mean(), **near)


@given(batch=pairs, place=st.floats(-9, 9))
def test_where_embeddings_lie_matters_to_the_distance_alone(
    batch: tuple[Tensor, Tensor], place: float
) -> None:
    z1, z2 = batch
    was, found = terms(z1, z2), terms(z1, z2 + place)
    for name in ("variance", "covariance"):
        torch.testing.assert_close(found[name], was[name], **EXACT)
    together = terms(z1 + place, z2 + place)
    torch.testing.assert_close(together, was, **EXACT)


def test_a_collapse_costs_chance() -> None:
    same = torch.rand(6).expand(10, 6)
    assert vicreg(same, same).item() == pytest.approx(Settings().chance(10), rel=1e-5)
    assert Settings().chance(10) == pytest.approx(25 * 0.99)
    few = Settings(variance=4.0)
    assert vicreg(same, same, variance=4).item() == pytest.approx(few.chance(10))
    for found in value_and_gradients(vicreg, same, same):
        assert found.isfinite().all()


def test_half_precision_around_it_does_not_coarsen_the_loss() -> None:
    z1, z2 = ((SMALL * z + 3).bfloat16() for z in pair(32, 16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = vicreg(z1, z2)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        vicreg(z1.double(), z2.double()).item(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("one", "other"), [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((12,), (12,))]
)
def test_embeddings_of_other_shapes_are_refused(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="one shape"):
        vicreg(torch.ones(one), torch.ones(other))


def test_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="one is not enough"):
        vicreg(torch.ones(1, 4), torch.ones(1, 4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"invariance": -1.0},
        {"covariance": math.nan},
        {"invariance": 0.0, "variance": 0.0, "covariance": 0.0},
    ],
)
def test_weights_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Settings(**wrong)


# ------------------------------------------------------------------ objective


def objective_of(settings: Settings, seed: int = 0) -> VICReg:
    torch.manual_seed(seed)
    return settings.objective(Encoder(EncoderSettings()))


def two_views(objective: VICReg, count: int = 8) -> list[Tensor]:
    images = some_images(count).images
    return objective.views(images, RandomNumbers(0, 0, size=count))


def test_the_objective_is_the_loss_of_projected_features_and_tells_its_terms() -> None:
    settings = Settings(invariance=2.0, variance=3.0, covariance=5.0, embedding=6)
    objective = objective_of(settings).eval()
    views = two_views(objective)
    with torch.no_grad():
        outputs = objective(views)
        z1, z2 = (objective.projector(objective.encoder(v)).double() for v in views)
    wanted = by_the_authors(z1, z2, (2.0, 3.0, 5.0)).item()
    assert outputs["loss"].item() == pytest.approx(wanted, rel=1e-4)
    for name, value in terms(z1, z2).items():
        assert outputs[name].item() == pytest.approx(value.item(), rel=1e-4)
    assert outputs["deviation"].item() == pytest.approx(deviation(z1).item(), rel=1e-4)
    assert objective(views[::-1])["loss"].item() == pytest.approx(wanted, rel=1e-4)


def test_a_projector_that_maps_all_to_one_point_reaches_chance() -> None:
    objective = objective_of(Settings()).eval()
    nn.init.zeros_(objective.projector[-1].weight)
    outputs = objective(two_views(objective))
    assert outputs["loss"].item() == pytest.approx(Settings().chance(8), rel=1e-5)
    assert outputs["deviation"] == 0


def test_only_the_loss_carries_a_gradient() -> None:
    objective = objective_of(Settings())
    outputs = objective(two_views(objective))
    assert [name for name, value in outputs.items() if value.requires_grad] == ["loss"]
    outputs["loss"].backward()
    assert all(p.grad is not None for p in objective.parameters())


def test_widths_follow_the_encoders_unless_asked_otherwise() -> None:
    def shapes_of(settings: Settings) -> list[tuple[int, ...]]:
        projector = objective_of(settings).projector
        return [tuple(p.shape) for p in projector.parameters() if p.ndim > 1]

    assert shapes_of(Settings()) == [(256, 128), (256, 256), (256, 256)]
    narrow = Settings(hidden=7, embedding=24)
    assert shapes_of(narrow) == [(7, 128), (7, 7), (24, 7)]


def test_the_second_view_may_differ_from_the_first() -> None:
    still = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
    settings = Settings(variance=9.0).with_views(Augmentation(), still)
    assert settings == Settings(variance=9.0, second=still)
    first, second = two_views(objective_of(settings))
    plain = some_images(8).images / 255
    assert torch.equal(second, plain)
    assert not torch.equal(first, plain)


def test_half_precision_trains_without_a_loss_that_is_no_number(
    images: ImageSet,
) -> None:
    made = learn(images, "vicreg", precision="bf16-mixed")
    assert all(math.isfinite(loss) for loss in values(made.history, "train_loss"))
    assert all(p.isfinite().all() for p in made.encoder.state_dict().values())


def test_the_variance_term_is_what_keeps_embeddings_from_a_collapse() -> None:
    scenes = shapes.Scenes(n_train=96, n_test=3, n_unlabelled=0)
    images = from_shapes(scenes, image_size=32)
    rows = images.rows("train")
    training = Training(optimiser="sgd", lr=0.05, epochs=3, steps=48, batch_size=32)
    lacks, spreads = {}, {}
    for weight in (0.0, 25.0):
        fitted = run(objective_of(Settings(variance=weight)), images, rows, training)
        lacks[weight] = values(fitted.history, "train_variance")[-1]
        spreads[weight] = values(fitted.history, "train_deviation")[-1]
    # What dimensions lack to a deviation of 1; by 48 steps 0.98 and 0.68.
    assert lacks[0.0] > 0.93
    assert lacks[25.0] < 0.8
    # In direction; 0.30 and 0.82.
    assert spreads[0.0] < 0.5
    assert spreads[25.0] > 0.65
