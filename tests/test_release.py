"""What tools/release refuses before it builds anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools/release"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=r", "-c", "user.email=r@example.org", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("changelog", "tag", "says"),
    [
        ("## Unreleased\n", "v1.2.3", "CHANGELOG.md has no section '## 1.2.3'"),
        ("## 1.2.3 (today)\n", "", "expected the tag v1.2.3 on this commit, found 'none'"),
        ("## 1.2.3 (today)\n", "v1.2.4", "expected the tag v1.2.3 on this commit, found 'v1.2.4'"),
    ],
)
def test_a_version_without_its_section_or_its_tag_is_refused(
    changelog: str, tag: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOL, tmp_path / "tools")
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    git(tmp_path, "init")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--message", "release: 1.2.3")
    if tag:
        git(tmp_path, "tag", "--annotate", tag, "--message", tag)
    done = subprocess.run([tmp_path / "tools/release"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr
    assert not (tmp_path / "dist").exists()
