"""Files of containers, read and written from outside.  The fake is held to the real one."""

import dataclasses

import pytest

from nova_docker import exception
from nova_docker.engine.client import File
from nova_docker.engine.client import Folder
from nova_docker.engine.client import Found
from nova_docker.engine.client import Kind
from tests.contract.world import World

ABSENT = "nova-docker-contract-absent"


def test_a_file_is_what_the_image_has(world: World):
    file = world.engine.read_file(world.create(), "/mark")
    assert file == File(world.mark.encode(), mode=0o755, uid=0, gid=0)


@pytest.mark.parametrize("start", ["create", "run"])
def test_a_file_that_was_written_is_read_back_with_its_owner_and_mode(world: World, start: str):
    name = getattr(world, start)()
    file = File(b"secret\n", mode=0o640, uid=1000, gid=42)
    for path in ("/mark", "/bin/new"):
        world.engine.write_file(name, path, file)
        assert world.engine.read_file(name, path) == file
    longer = dataclasses.replace(file, content=b"longer" * 1000)
    world.engine.write_file(name, "/mark", longer)
    assert world.engine.read_file(name, "/mark") == longer


def test_what_one_container_is_given_the_image_does_not_have(world: World):
    image = world.load(world.image()).id
    world.engine.write_file(world.create(image=image), "/mark", File(b"mine", 0o600, 0, 0))
    assert world.engine.read_file(world.create(image=image), "/mark").content != b"mine"


@pytest.mark.parametrize("path", ["/absent", "/no/such/folder", "/bin", "/bin/sleep"])
def test_only_a_regular_file_is_read(world: World, path: str):
    with pytest.raises(exception.PathNotFound):
        world.engine.read_file(world.create(), path)


def test_a_file_is_not_written_where_there_is_no_folder(world: World):
    with pytest.raises(exception.PathNotFound):
        world.engine.write_file(world.create(), "/no/such/folder", File(b"", 0o600, 0, 0))


def test_an_absent_container_has_no_files(world: World):
    with pytest.raises(exception.ContainerNotFound):
        world.engine.read_file(ABSENT, "/mark")
    with pytest.raises(exception.ContainerNotFound):
        world.engine.write_file(ABSENT, "/mark", File(b"", 0o600, 0, 0))


def test_many_files_are_written_at_once_with_the_folders_for_them(world: World):
    name = world.create()
    file = File(b"deep", mode=0o440, uid=7, gid=8)
    world.engine.write_files(name, "/", {
        "bin": Folder(0o755, 0, 0), "new": Folder(0o700, 7, 8), "new/er": Folder(0o755, 0, 0),
        "new/er/file": file, "mark": file})
    assert world.engine.read_file(name, "/new/er/file") == file
    assert world.engine.read_file(name, "/mark") == file
    assert world.engine.read_file(name, "/bin/busybox").content == world.busybox
    with pytest.raises(exception.PathNotFound):
        world.engine.write_files(name, "/absent", {"file": file})
    with pytest.raises(exception.ContainerNotFound):
        world.engine.write_files(ABSENT, "/", {"file": file})


@pytest.mark.parametrize(("path", "kind"), [
    ("/mark", Kind.FILE), ("/bin", Kind.FOLDER), ("/", Kind.FOLDER), ("/absent", None)])
def test_what_is_at_a_path_is_told(world: World, path: str, kind: Kind | None):
    assert world.engine.find_path(world.create(), path) == (Found(path, kind) if kind else None)
    assert world.engine.find_path(ABSENT, path) is None
