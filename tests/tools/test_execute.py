"""Papermill's traps, closed: a failure is an error and leaves nothing to publish."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import papermill
import pytest
from tiny_book import cell, chapter, write_notebook

from tools import BookError, check
from tools.execute import Job, digest, environment, execute, execute_all, key

FIGURE = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()"
ALT = {"mystnb": {"image": {"alt": "A line that rises."}}}


def job(folder: Path, *sources: str, timeout: int = 60, **metadata: object) -> Job:
    notebook = write_notebook(folder / "chapter.ipynb", chapter(*sources, **metadata))
    return Job("chapter", notebook, {"size": 4}, "a key", folder / "out", timeout)


def failed(job: Job) -> str:
    """Execute a job that has to fail, see that nothing can be published of it."""
    job.copy.parent.mkdir(parents=True)
    job.copy.write_text("an older copy")
    job.stamp.write_text(job.key)
    with pytest.raises(BookError) as caught:
        execute(job)
    assert not job.copy.exists()
    assert not job.is_done()
    assert job.failed.exists()
    assert str(job.failed) in str(caught.value)
    return str(caught.value)


def test_a_failing_cell_is_reported_with_number_source_and_error(
    tmp_path: Path,
) -> None:
    report = failed(job(tmp_path, "a = 1", "b = a / 0  # here", "c = 2"))
    assert "FAILED chapter, cell 4 of 5" in report
    assert "    b = a / 0  # here" in report
    assert "ZeroDivisionError: division by zero" in report
    assert "\x1b[" not in report


def test_sys_exit_is_no_success(tmp_path: Path) -> None:
    report = failed(job(tmp_path, "import sys\n\nsys.exit(0)", "never = 1"))
    assert "(id code-1) ended in SystemExit" in report
    assert "(id code-2) never ran" in report


def test_sys_exit_in_the_last_cell_is_no_success(tmp_path: Path) -> None:
    assert "ended in SystemExit" in failed(job(tmp_path, "import sys\n\nsys.exit()"))


def test_a_cell_over_its_time_is_an_error_that_names_it(tmp_path: Path) -> None:
    slow = "import time\n\ntime.sleep(60)  # too long"
    report = failed(job(tmp_path, "a = 1", slow, "b = 2", timeout=2))
    assert "FAILED chapter, cell 4 of 5" in report
    assert "time.sleep(60)  # too long" in report
    assert "no end within 2 s" in report


def test_a_dead_kernel_is_an_error_that_names_the_cell(tmp_path: Path) -> None:
    report = failed(job(tmp_path, "import os\n\nos._exit(1)", "b = 2"))
    assert "FAILED chapter, cell 3 of 4" in report
    assert "the kernel died" in report


def test_a_figure_without_alt_text_is_an_error(tmp_path: Path) -> None:
    assert "draws a figure without alt text" in failed(job(tmp_path, FIGURE))


def test_a_good_chapter_is_fit_for_a_page_and_its_source_untouched(
    tmp_path: Path,
) -> None:
    good = job(tmp_path, "size", FIGURE, **ALT)
    source = good.notebook.read_bytes()
    assert execute(good) > 0
    assert good.is_done()
    assert not good.failed.exists()
    assert good.notebook.read_bytes() == source
    cells = check.read(good.copy)
    injected = next(c for c in cells if "injected-parameters" in check.tags(c))
    assert "size = 4" in injected["source"]
    assert injected["id"] == "injected-parameters"
    assert cells[3]["outputs"][0]["data"]["text/plain"] == ["4"]
    assert cells[4]["metadata"]["mystnb"]["image"]["classes"] == "dark-light"
    assert "papermill" not in good.copy.read_text()


def test_a_kernel_that_loses_its_ports_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, deaths = papermill.execute_notebook, iter([True, True, False])

    def unlucky(*arguments: Any, **settings: Any) -> Any:
        if next(deaths, True):
            raise RuntimeError("Kernel died before replying to kernel_info")
        return real(*arguments, **settings)

    monkeypatch.setattr(papermill, "execute_notebook", unlucky)
    again = job(tmp_path, "a = 1")
    execute(again)
    assert again.is_done()
    with pytest.raises(BookError, match="before its first cell"):
        execute(again)
    assert not again.is_done()


def test_a_failure_cancels_the_other_chapters_and_their_kernels(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    texts = {
        "slow": "import os\nimport time\nfrom pathlib import Path\n\n"
        f"Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(600)",
        "broken": "import time\nfrom pathlib import Path\n\n"
        f"while not Path({str(pid)!r}).exists():\n    time.sleep(0.1)\n"
        "raise RuntimeError('broken on purpose')",
        "waiting": "a = 1",
    }
    jobs = []
    for name, text in texts.items():
        notebook = write_notebook(tmp_path / f"{name}.ipynb", chapter(text))
        jobs.append(Job(name, notebook, {}, "a key", tmp_path / "out", 120))
    with pytest.raises(BookError, match="FAILED broken, cell 3 of 3"):
        execute_all(jobs, 2, environment(tmp_path, 2))
    assert [one.chapter for one in jobs if one.is_done()] == []
    kernel = int(pid.read_text())
    for _ in range(100):
        if not alive(kernel):
            break
        time.sleep(0.1)
    assert not alive(kernel)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie waits for its parent to look; it does nothing any more.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_kernels_share_the_cores_and_see_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    threads = [environment(tmp_path, n)["OMP_NUM_THREADS"] for n in (1, 2, 3, 20)]
    assert threads == ["8", "4", "2", "1"]
    assert environment(tmp_path, 1)["TQDM_DISABLE"] == "1"
    assert environment(tmp_path, 1)["PYTHONPATH"].startswith(str(tmp_path))


def test_the_key_changes_with_all_that_decides_a_chapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "chapter.ipynb", chapter("a = 1"))
    images = tmp_path / "images" / "mine" / "train"
    images.mkdir(parents=True)
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path / "images"))
    seen: list[str] = []

    def changed(values: dict[str, object]) -> bool:
        seen.append(key(notebook, values, digest(tmp_path)))
        return seen.count(seen[-1]) == 1

    values: dict[str, object] = {"data": "mine", "size": 1}
    assert changed(values)
    assert not changed(values)
    assert changed({**values, "size": 2})
    assert not changed(values)
    for file in (
        "sslkit/methods/simclr.py",
        "sslkit/folder/report.html",
        "book/results/records.jsonl",
        "requirements.lock",
        "images/mine/train/new.png",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("new")
        assert changed(values), file
        assert not changed(values)
    compiled = tmp_path / "sslkit/methods/__pycache__"
    compiled.mkdir()
    (compiled / "simclr.cpython-312.pyc").touch()
    assert not changed(values)
    write_notebook(notebook, chapter("a = 2"))
    assert changed(values)


def test_widget_state_stays_only_where_a_widget_is_shown(tmp_path: Path) -> None:
    made = "import ipywidgets as w\n\nslider = w.IntSlider(description='turn')"
    hidden = job(tmp_path, made)
    execute(hidden)
    assert "widgets" not in json.loads(hidden.copy.read_text())["metadata"]
    cells = [*chapter(made), cell("shown", "slider")]
    write_notebook(hidden.notebook, cells)
    execute(hidden)
    assert "widgets" in json.loads(hidden.copy.read_text())["metadata"]
