"""What lies beside the code is copied as it is, and is at home in the copy."""

import os
from pathlib import Path

import pytest

from agentflow.git.copying import copy_beside, inventory, restore


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, worktree = tmp_path / "root", tmp_path / "worktree"
    (root / "node_modules/tool").mkdir(parents=True)
    (root / "node_modules/tool/cli.js").write_text("tool\n")
    (root / "node_modules/tool/cli.js").chmod(0o755)
    worktree.mkdir()
    return root, worktree


def test_modes_and_times_come_along(places):
    root, worktree = places
    os.utime(root / "node_modules/tool/cli.js", ns=(1, 5_000_000_000))
    assert copy_beside(root, worktree, ["node_modules/", "missing"]) == ("node_modules/",)
    found = (worktree / "node_modules/tool/cli.js").stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o755, 5_000_000_000)


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("../tool/cli.js", "../tool/cli.js"),
        ("{root}/packages/own", "{worktree}/packages/own"),
        ("../../../elsewhere", "{root}/../elsewhere"),
        ("/usr/lib", "/usr/lib"),
    ],
)
def test_links_into_the_root_lead_into_the_worktree_and_others_stay(places, link, leads_to):
    root, worktree = places
    (root / "node_modules/.bin").mkdir()
    (root / "node_modules/.bin/it").symlink_to(link.format(root=root))
    copy_beside(root, worktree, ["node_modules/"])
    wanted = leads_to.format(root=root, worktree=worktree)
    found = str((worktree / "node_modules/.bin/it").readlink())
    assert found == (os.path.normpath(wanted) if wanted.startswith("/") else wanted)


def test_a_folder_behind_a_link_is_copied_itself(places, tmp_path):
    root, worktree = places
    (root / "node_modules").rename(tmp_path / "elsewhere")
    (root / "node_modules").symlink_to(tmp_path / "elsewhere")
    copy_beside(root, worktree, ["node_modules"])
    assert not (worktree / "node_modules").is_symlink()
    assert (worktree / "node_modules/tool/cli.js").read_text() == "tool\n"


def test_a_virtualenvs_scripts_and_paths_name_the_copy(places):
    root, worktree = places
    for name, text in {
        ".venv/pyvenv.cfg": "home = /usr/bin\n",
        ".venv/bin/pytest": f"#!{root}/.venv/bin/python\nimport pytest\n",
        ".venv/lib/python3.12/site-packages/own.pth": f"{root}/src\n",
        ".venv/lib/python3.12/site-packages/notes.txt": f"{root}\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / ".venv/bin/pytest").chmod(0o555)
    copy_beside(root, worktree, [".venv/"])
    script = worktree / ".venv/bin/pytest"
    assert script.read_text() == f"#!{worktree}/.venv/bin/python\nimport pytest\n"
    assert script.stat().st_mode & 0o777 == 0o555
    assert (worktree / ".venv/lib/python3.12/site-packages/own.pth").read_text() == f"{worktree}/src\n"
    assert (worktree / ".venv/lib/python3.12/site-packages/notes.txt").read_text() == f"{root}\n"


def test_nothing_is_overwritten_and_no_link_leads_out(places, tmp_path):
    root, worktree = places
    (tmp_path / "victim").mkdir()
    (worktree / "folder").symlink_to(tmp_path / "victim")
    (worktree / "node_modules").mkdir()
    (root / "folder").mkdir()
    (root / "folder/file").write_text("x")
    assert copy_beside(root, worktree, ["node_modules/", "folder/file"]) == ()
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("change", ["write", "same size and time", "mode", "link", "remove"])
def test_every_change_is_noticed_without_reading(places, change):
    root, _ = places
    script, folder = root / "node_modules/tool/cli.js", root / "node_modules/tool"
    (folder / "link").symlink_to("cli.js")
    known, found = inventory(root, ["node_modules/"]), script.stat()
    assert restore(root, ["node_modules/"], known)
    if change == "write":
        script.write_text("evil, and longer\n")
    elif change == "same size and time":
        script.write_text("evil\n")
        os.utime(script, ns=(found.st_atime_ns, found.st_mtime_ns))
    elif change == "mode":
        script.chmod(0o700)
    elif change == "link":
        (folder / "link").unlink()
        (folder / "link").symlink_to("other")
    else:
        script.unlink()
    assert not restore(root, ["node_modules/"], known)


def test_what_was_added_is_removed(places):
    root, _ = places
    known = inventory(root, ["node_modules/"])
    (root / "node_modules/.cache/deep").mkdir(parents=True)
    (root / "node_modules/.cache/deep/file").touch()
    (root / "node_modules/tool/new.js").symlink_to("cli.js")
    assert restore(root, ["node_modules/"], known)
    assert sorted(path.name for path in (root / "node_modules").rglob("*")) == ["cli.js", "tool"]
