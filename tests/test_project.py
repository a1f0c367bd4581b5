"""What holds the project's own files together."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Written in halves, so that this file does not find itself.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "anaconda" + ".org",
    "pytorch" + ".org/whl",
    "index" + "-url",
    "find" + "-links",
    "re" + 'solved": "http',
    "file" + ":///",
]
MACHINE = [str(ROOT) + "/", str(Path.home()) + "/", "/work" + "/", "/opt" + "/"]


def tracked() -> list[Path]:
    """The files of the project: tracked, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so its files cannot be listed")
    paths = {ROOT / name for name in listed.stdout.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def lines_with(words: list[str]) -> list[str]:
    """Where any of the words stands in a text file of the project."""
    pattern = re.compile("|".join(map(re.escape, words)))
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:120]}")
    return found


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE) == []


def test_no_file_is_larger_than_a_mebibyte_and_the_results_are_five_at_most() -> None:
    sizes = {path: path.stat().st_size for path in tracked()}
    assert [path for path in sizes if sizes[path] > 2**20] == []
    results = ROOT / "book/results"
    assert sum(sizes[path] for path in sizes if results in path.parents) <= 5 * 2**20


def test_conda_users_get_the_same_dependencies() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = environment["dependencies"]
    (by_pip,) = (entry["pip"] for entry in listed if isinstance(entry, dict))
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["book"]
    assert sorted(by_pip) == sorted([*wanted, "--editable ."])
    assert f"python{PROJECT['requires-python']}" in listed


def test_lock_pins_every_dependency_by_version_and_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", lock, flags=re.M)
    assert len(pins) == len(re.findall(r"^[\w.-]", lock, flags=re.M))
    blocks = re.split(r"^(?=[\w.-])", lock, flags=re.M)[1:]
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + extras["book"] + extras["test"]
    names = {name for name, _ in pins}
    assert {re.split(r"[<>=!~\[ ]", text)[0] for text in wanted} <= names


def test_lock_holds_nothing_but_versions_hashes_and_markers() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.findall(r"https?:|^-|^ *@", lock, flags=re.M) == []


def test_every_profile_names_itself_and_its_images() -> None:
    profiles: dict[str, Any] = {
        path.stem: yaml.safe_load(path.read_text())
        for path in (ROOT / "book/profiles").glob("*.yaml")
    }
    assert {"smoke", "quick", "study-small", "study"} <= profiles.keys()
    assert {name: values["profile"] for name, values in profiles.items()} == {
        name: name for name in profiles
    }
    assert all(isinstance(values["data"], str) for values in profiles.values())


def test_changelog_says_which_results_changed() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = changelog.split("\n## ")[1:]
    assert versions
    assert all("\n### Results changed\n" in version for version in versions)
