"""The sandbox image is the same bytes on every host, and an executable that sleeps."""

import hashlib
import io
import json
import os
from pathlib import Path
import platform
import signal
import struct
import subprocess
import tarfile
import time

import pytest

from nova_docker.translate import sandbox


@pytest.mark.parametrize("architecture", sandbox.supported_architectures())
def test_the_image_never_changes_and_its_digests_agree(architecture):
    tag, content = sandbox.image(architecture)
    assert (tag, content) == sandbox.image(architecture)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    manifest, = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])
    layer = hashlib.sha256(files[manifest["Layers"][0]]).hexdigest()
    assert config["rootfs"]["diff_ids"] == ["sha256:" + layer]
    assert manifest["RepoTags"] == [tag]


@pytest.mark.parametrize("architecture", sandbox.supported_architectures())
def test_the_program_is_an_elf_file_of_a_few_hundred_bytes(architecture):
    program = sandbox.program(architecture)
    assert program.startswith(b"\x7fELF")
    assert len(program) < 512
    entry, = struct.unpack_from("<Q", program, 24)
    assert entry == 0x400000 + 64 + 56


@pytest.fixture
def executable(tmp_path):
    """The program of this machine."""
    if platform.machine() not in sandbox.supported_architectures():
        pytest.skip("there is no program for this machine")
    path = Path(tmp_path, "pause")
    path.write_bytes(sandbox.program(platform.machine()))
    path.chmod(0o755)
    return path


def test_the_program_sleeps_without_using_the_cpu(executable):
    with subprocess.Popen([executable]) as process:
        try:
            time.sleep(0.2)
            assert process.poll() is None
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            assert fields[0] == "S"
            assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 0.05
        finally:
            process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of processes needs root")
def test_the_program_ends_at_sigterm_also_as_the_first_process(executable):
    """The kernel would keep the signal from an init that merely sleeps."""
    with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", executable]) as outer:
        try:
            inner = _first_child(outer.pid)
            os.kill(inner, signal.SIGUSR1)
            os.kill(inner, signal.SIGSTOP)
            os.kill(inner, signal.SIGCONT)
            time.sleep(0.2)
            assert outer.poll() is None
            os.kill(inner, signal.SIGTERM)
            assert outer.wait(timeout=5) == 0
        finally:
            outer.kill()


def _first_child(pid):
    """The program, once it runs in place of what started it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(100):
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "pause":
                return int(child)
        time.sleep(0.02)
    raise AssertionError("the program does not run")
