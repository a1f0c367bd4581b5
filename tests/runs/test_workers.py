"""Workers: each has its share of the machine, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sslkit.runs import workers

ROOT = Path(__file__).resolve().parents[2]

# As text, for a new process cannot import a test: what a worker sees, told when as many
# workers as there are have come, so that each tells once.
SEEN = """
from pathlib import Path
import io, os, time, torch, tqdm
here = Path({folder!r})
(here / str(os.getpid())).touch()
while len(list(here.iterdir())) < {jobs}:
    time.sleep(0.01)
bar = tqdm.tqdm(range(3), file=io.StringIO())
seen = os.environ.get("CUDA_VISIBLE_DEVICES"), torch.get_num_threads(), bar.disable
"""


def told(code: str) -> Any:
    """In a worker; the builtin exec gives nothing back."""
    return f"(names := {{}}, exec({code!r}, names), names['seen'])[-1]"


def seen_by(jobs: int, folder: Path) -> list[Any]:
    code = told(SEEN.format(folder=str(folder), jobs=jobs))
    with workers.processes(jobs) as executor:
        return sorted(executor.map(eval, [code] * jobs), key=str)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_workers_take_gpus_in_turn_share_the_cores_and_draw_no_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(workers, "_cores", lambda: 3)
    found = seen_by(3, tmp_path)
    assert found == [("0", 1, True), ("0", 1, True), ("1", 1, True)]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_without_a_gpu_none_is_named_and_fewer_threads_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(workers, "_cores", lambda: 8)
    assert seen_by(1, tmp_path) == [(None, 1, True)]


@pytest.mark.parametrize(
    ("visible", "count", "gpus"),
    [
        (None, 3, ["0", "1", "2"]),
        ("2,5", 2, ["2", "5"]),
        ("GPU-8932f937", 1, ["GPU-8932f937"]),
        ("", 0, []),
        ("-1", 0, []),
    ],
)
def test_gpus_that_a_user_has_chosen_are_kept(
    visible: str | None, count: int, gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert workers._gpus() == gpus


def test_ctrl_c_ends_workers_in_the_middle_of_their_work(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    busy = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid()))"

    def interrupted() -> None:
        with workers.processes(1) as executor:
            for _ in range(3):
                executor.submit(exec, f"{busy}; time.sleep(600)")
            wait_until(lambda: file.exists() and file.read_text() != "")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()  # ends at all
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text("""
if __name__ == "__main__":
    from sslkit.runs import workers
    with workers.processes(1) as executor:
        executor.submit(exec, "print('busy', flush=True); import time; time.sleep(600)")
""")
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "busy\n"
        parent.kill()
        parent.communicate(timeout=60)  # ends when the worker has let go of stdout
    assert parent.returncode == -signal.SIGKILL
