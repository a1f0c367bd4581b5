"""Self-training, as an arm and from a pretrained encoder: run, kept, in tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_runs import of
from small_runs import assert_equal, assert_same, record_files, small
from torch import Tensor

import sslkit
from sslkit.judging import selftraining
from sslkit.judging.features import Features
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.runs import records, running
from sslkit.runs.records import Run
from sslkit.study import tables


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("selftrain")


@pytest.fixture(scope="module")
def alone(store: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selftraining, "THRESHOLD", 0.0)  # a smoke run is sure of little
        return sslkit.run(small("selftrain"), out=store)


def test_a_run_of_the_arm_is_kept_and_read_again(alone: Run, store: Path) -> None:
    assert alone.encoder_file is None
    assert list(alone.scores) == ["selftrain"]
    score = alone.scores["selftrain"]
    assert (score.n_train, score.n_test) == (24, 60)
    (file,) = record_files(store)
    (read,) = records.read_file(file)
    assert_equal(read, alone)
    found = running.recorded(small("selftrain"), out=store)
    assert found is not None
    assert_same(found, alone)
    assert running.recorded(small("supervised"), out=store) is None


def test_its_history_counts_steps_and_pseudo_labels_through_both_rounds(
    alone: Run,
) -> None:
    # Two epochs: a round each. Sixty images, of which thirty have labels.
    history = alone.history
    assert set(history["phase"]) == {"selftrain"}
    wide = history.pivot(index="epoch", columns="metric", values="value")
    assert wide.index.tolist() == [1, 2]
    whole = alone.recipe.downstream.steps
    assert history["step"].max() == whole
    assert history["step"].min() * 2 == whole
    first, second = wide["pseudo_labels"]
    assert first == 0
    assert second % 3 == 0


def test_a_table_calls_it_by_its_name_and_a_pretrained_one_by_its_methods(
    alone: Run, tmp_path: Path
) -> None:
    both = sslkit.run(small("rotnet", protocols=("linear", "selftrain")), out=tmp_path)
    frame = tables.table([alone, both])
    rows = {
        (row.method, row.protocol, row.pretrain, row.n_train)
        for row in frame.itertuples()
    }
    assert rows == {
        ("selftrain", "selftrain", "none", 24),
        ("rotnet", "selftrain", "all", 24),
        ("rotnet", "linear", "all", 24),
    }
    assert set(both.history["phase"]) == {"pretrain", "linear", "selftrain"}
    row = frame[frame["method"] == "selftrain"].iloc[0]
    assert row["seconds"] == alone.about["seconds"]["selftrain"]
    assert row["epochs"] == alone.recipe.downstream.epochs


def test_a_row_has_the_schedule_of_what_trained_it() -> None:
    start = sslkit.recipe("selftrain", profile="smoke")
    falls = replace(start, probe=replace(start.probe, schedule="constant"))
    stays = replace(start, downstream=replace(start.downstream, schedule="constant"))
    for recipe, schedule in ((falls, "cosine"), (stays, "constant")):
        frame = tables.table([of(recipe, {"selftrain": 0.5})])
        assert frame["schedule"].tolist() == [schedule]


def test_it_starts_as_supervised_training_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Tensor]] = []
    judge = running.judge

    def watched(features: Features, *given: Any, **rest: Any) -> Any:
        weights = features.encoder.state_dict()
        seen.append({k: v.clone() for k, v in weights.items()})
        return judge(features, *given, **rest)

    monkeypatch.setattr(running, "judge", watched)
    for arm in ("selftrain", "supervised"):
        sslkit.run(small(arm, seed=5), out=tmp_path)
    torch.manual_seed(5)
    seen.append(dict(Encoder(EncoderSettings()).state_dict()))
    for other in seen[1:]:
        torch.testing.assert_close(seen[0], other, rtol=0, atol=0)
