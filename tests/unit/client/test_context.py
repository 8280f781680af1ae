"""What a build is made of, and which step of it fails."""

import io
from pathlib import Path
import tarfile
from typing import Any

from osc_lib import exceptions
import pytest

from nova_docker.client import build
from nova_docker.client import context
from nova_docker.client import progress


def members(made: context.Context) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(made.pieces or ()))) as tar:
        return {entry.name: tar.extractfile(entry).read() if entry.isreg() else b""
                for entry in tar}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "web"
    (made / "src" / "secret").mkdir(parents=True)
    (made / "Dockerfile").write_text("FROM scratch")
    (made / "src" / "a").write_bytes(b"a" * 1000)
    (made / "src" / "link").symlink_to("a")
    (made / "src" / "secret" / "key").write_text("key")
    return made


def test_a_folder_is_sent_without_what_dockerignore_names(folder: Path):
    (folder / ".dockerignore").write_text("# not these\n**/secret\nDockerfile\n")
    made = context.context(str(folder), None)
    assert (made.name, made.dockerfile) == ("web", "Dockerfile")
    found = members(made)
    assert found["src/a"] == b"a" * 1000
    assert {"Dockerfile", "src/link"} <= set(found), "the Dockerfile is needed, whatever it says"
    assert not [name for name in found if "secret" in name]


def test_a_dockerfile_may_lie_outside_of_the_folder(folder: Path, tmp_path: Path):
    (tmp_path / "other").write_text("FROM other")
    made = context.context(str(folder), str(tmp_path / "other"))
    assert members(made)[str(made.dockerfile)] == b"FROM other"


def test_a_dockerfile_is_found_below_the_folder(folder: Path):
    (folder / "src" / "Containerfile").write_text("FROM scratch")
    assert context.context(str(folder), "src/Containerfile").dockerfile == "src/Containerfile"


def test_a_tar_is_sent_as_it_is(folder: Path, tmp_path: Path):
    with tarfile.open(tmp_path / "web.tar.gz", "w:gz") as tar:
        tar.add(folder, ".")
    made = context.context(str(tmp_path / "web.tar.gz"), None)
    assert made.name == "web"
    assert b"".join(made.pieces or ()) == (tmp_path / "web.tar.gz").read_bytes()


@pytest.mark.parametrize("url", ["https://example.org/team/web.git#main:docker",
                                 "git@example.org:team/web.git", "https://example.org/web.tar.gz"])
def test_a_url_is_left_to_the_engine(url: str):
    made = context.context(url, None)
    assert (made.name, made.remote, made.pieces) == ("web", url, None)


def test_what_cannot_be_built_is_told_in_a_line(folder: Path):
    for given, dockerfile, reason in (
            ("no/such", None, "neither a folder"),
            (str(folder / "src" / "a"), None, "not a tar archive"),
            (str(folder / "src"), None, "--file"), (str(folder), "nothing", "--file")):
        with pytest.raises(exceptions.CommandError, match=reason):
            context.context(given, dockerfile)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINES: list[dict[str, Any]] = [
    {"stream": "Step 1/2 : FROM scratch\n"}, {"stream": "one\n"},
    {"status": "Downloading", "id": "a"},
    {"stream": "Step 2/2 : RUN make\n"}, {"stream": "no "}, {"stream": "rule\nsorry"},
    {"error": "The command 'make' returned a non-zero code: 2"}]


@pytest.mark.parametrize(("stream", "seen"), [
    (io.StringIO(), "Step 2/2 : RUN make\nno rule\nsorry\n"),
    (Terminal(), "Step 1/2 : FROM scratch\none\nStep 2/2 : RUN make\nno rule\nsorry\n")])
def test_a_failed_step_is_shown_with_its_output(stream: io.StringIO, seen: str):
    steps = build.Steps(progress.Progress(stream))
    with pytest.raises(exceptions.CommandError, match=(
            r"^Step 2/2 : RUN make failed: .*code: 2\. Correct the Dockerfile")):
        for line in LINES:
            steps(line)
    assert stream.getvalue().replace("\r\x1b[KDownloading a\r\x1b[K", "") == seen


def test_only_a_terminal_shows_progress():
    for stream, is_shown in ((io.StringIO(), False), (Terminal(), True)):
        counted = progress.Progress(stream).counted([b"x" * 2048], "Uploading", 4096)
        assert list(counted) == [b"x" * 2048]
        assert ("Uploading: 2 KiB of about 4 KiB" in stream.getvalue()) is is_shown
