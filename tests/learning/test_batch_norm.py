"""Batch-norm of a shared batch: torch's own of the whole, whatever its settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sslkit.learning import distributed


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"affine": False},
        {"track_running_stats": False},
        {"momentum": None},
        {"affine": False, "track_running_stats": False},
    ],
)
def test_batch_norm_of_a_shared_batch_is_torchs_of_the_whole(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = nn.BatchNorm1d(3, **settings).double()
    ours = nn.BatchNorm1d(3, **settings).double()
    ours.__class__ = distributed._SyncBatchNorm
    # The other process holds the same rows: sums over both are twice those of one.
    monkeypatch.setattr(distributed, "total", lambda values: 2 * values)
    for _ in range(3):
        rows = torch.randn(4, 3, dtype=torch.float64) + 5
        with distributed.sharing(distributed.Share(0, 4, 8)):
            found = ours(rows)
        torch.testing.assert_close(found, theirs(torch.cat([rows, rows]))[:4])
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name])
