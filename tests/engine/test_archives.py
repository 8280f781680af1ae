"""Archives of every tool boot, and what they call themselves never matters."""

import bz2
from collections.abc import Iterator
import gzip
import lzma
import os
from pathlib import Path
import subprocess
import uuid

from nova import context as nova_context
from nova import exception as nova_exception
from nova.compute import power_state
import pytest

from nova_docker import archives as image_archives
from nova_docker import exception
from nova_docker.translate import archive
from nova_docker.translate import naming
from tests import archives
from tests import hostile
from tests import machine
from tests import tars
from tests.engine import cloud
from tests.engine import instances

EVIL = "nova-docker-test/evil"
FORMATS = ("docker-archive", "oci-archive")


def marked(mark: str, *tags: str) -> archives.Image:
    """An image whose layer no engine has yet."""
    plain = instances.busybox(tags=tags)
    return archives.Image(files={**plain.files, "mark": mark.encode()}, links=plain.links,
                          command=plain.command, env=["MADE=here"], tags=tags)


class Tools:
    """Podman, skopeo and buildah, with a storage of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n')
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (folder / "base.tar").write_bytes(marked(uuid.uuid4().hex, f"{EVIL}:base").archive())

    def __call__(self, *command: str) -> str:
        machine.require_program(command[0], package=command[0])
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf")})
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def skopeo(self, form: str) -> None:
        self("skopeo", "--policy", "policy.json", "copy", "docker-archive:base.tar",
             f"{form}:out.tar:{EVIL}:latest")

    def podman(self, form: str) -> None:
        self("podman", "load", "-i", "base.tar")
        self("podman", "save", "--format", form, "-o", "out.tar", f"{EVIL}:base")

    def buildah(self, form: str) -> None:
        self("podman", "load", "-i", "base.tar")
        made = self("buildah", "from", "--pull-never", f"localhost/{EVIL}:base")
        self("buildah", "copy", made, "policy.json", "/added")
        self("buildah", "commit", made, f"{EVIL}:built")
        self("buildah", "push", f"localhost/{EVIL}:built", f"{form}:out.tar:{EVIL}:latest")


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    yield Tools(tmp_path)


def assert_runs(boots, api, instance) -> None:
    """As its image says, and nothing of the names in the archive on the engine."""
    assert boots.driver.get_info(instance).state == power_state.RUNNING
    container = api.inspect_container(naming.workload_name(instance.uuid))
    assert container["Config"]["Cmd"] == ["sleep", "3600"]
    assert "MADE=here" in container["Config"]["Env"]
    tags = {tag for image in api.images() for tag in image["RepoTags"] or ()}
    assert not {tag for tag in tags if EVIL in tag}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("tool", ["skopeo", "podman", "buildah"])
def test_an_archive_of_the_tool_boots(boots, api, tools: Tools, tool: str, form: str):
    getattr(tools, tool)(form)
    assert_runs(boots, api, boots.archive((tools.folder / "out.tar").read_bytes()))


def test_an_archive_of_docker_save_boots(boots, api):
    image = marked(uuid.uuid4().hex, f"{EVIL}:latest")
    api.load_image(image.archive())
    saved = b"".join(api.get_image(f"{EVIL}:latest"))
    api.remove_image(f"{EVIL}:latest")
    assert_runs(boots, api, boots.archive(saved))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_archive_boots(boots, api, compress):
    image = marked(uuid.uuid4().hex, f"{EVIL}:latest")
    assert_runs(boots, api, boots.archive(compress(image.archive())))


@pytest.mark.parametrize("layout", tars.LAYOUTS.values(), ids=tars.LAYOUTS)
def test_every_layout_is_loaded(loads, api, layout):
    layers = [tars.tar(("mark", uuid.uuid4().bytes)), tars.tar(("other", uuid.uuid4().bytes))]
    loads(tars.tar(*layout([*layers, layers[0]], [f"{EVIL}:latest"])))
    image = api.inspect_image(loads.tag)
    assert image["Id"] == archives.digest(tars.configuration([*layers, layers[0]]))
    assert image["RepoTags"] == [loads.tag]


class Loads:
    """Loads archives as a boot does, without the boot."""

    def __init__(self, driver, glance: cloud.Glance) -> None:
        self.tag = naming.private_tag(str(uuid.uuid4()), None)
        self._archives = image_archives.Archives(driver._engine)
        self._glance = glance

    def __call__(self, content: bytes, max_bytes: int = 0) -> None:
        self._glance.images["image"] = content
        self._archives.load(nova_context.get_admin_context(), "image", self.tag,
                            archive.Allowance(max_bytes, "the limit of a test"))


@pytest.fixture
def loads(driver, glance: cloud.Glance, api) -> Iterator[Loads]:
    made = Loads(driver, glance)
    yield made
    driver._engine.remove_image(made.tag)


def images(api) -> set[str]:
    return {image["Id"] for image in api.images(all=True)}


def test_the_engine_never_sees_an_image_of_the_hostile_corpus(loads, api):
    before = images(api)
    for name, (content, _) in hostile.CORPUS.items():
        with pytest.raises(exception.InvalidArchive):
            loads(content)
        assert images(api) == before, name


def test_the_engine_never_sees_an_image_of_a_bomb(loads, api):
    before = images(api)
    for name, content in hostile.BOMBS.items():
        with pytest.raises(exception.ImageTooLarge):
            loads(content, max_bytes=16 << 20)
        assert images(api) == before, name


def test_equal_tags_of_two_tenants_are_two_images(boots, api):
    ones, others = (marked(uuid.uuid4().hex, f"{EVIL}:latest") for _ in range(2))
    one, other = boots.archive(ones), boots.archive(others)
    for instance, image in ((one, ones), (other, others)):
        container = api.inspect_container(naming.workload_name(instance.uuid))
        assert container["Image"] == image.id
        found = api.exec_create(container["Id"], ["cat", "/mark"])
        assert api.exec_start(found["Id"]) == image.files["mark"]


def test_a_poisoned_tag_changes_nothing_for_others(boots, api):
    """Who runs busybox:latest on this host runs what it was before."""
    tags = (f"{EVIL}/busybox:latest", f"docker.io/{EVIL}/busybox:latest")
    good = marked(uuid.uuid4().hex, tags[0])
    api.load_image(good.archive())
    try:
        boots.archive(marked(uuid.uuid4().hex, *tags))
        assert api.inspect_image(tags[0])["Id"] == good.id
    finally:
        api.remove_image(tags[0])


def test_an_image_that_is_too_large_for_the_flavor_is_refused(boots, api, settings):
    settings.config(group="docker", max_image_gb=2)
    small = tars.tar(("layer.tar", b""), *hostile.GOOD)
    bomb = gzip.compress(hostile.announcing((1 << 30) + 1) + small, 1)
    with pytest.raises(nova_exception.ImageUnacceptable, match=r"flavor's disk of 1 GiB"):
        boots.archive(bomb)
    huge = gzip.compress(hostile.announcing((2 << 30) + 1) + small, 1)
    with pytest.raises(nova_exception.ImageUnacceptable, match="max_image_gb"):
        boots.archive(huge, root_gb=3)
    assert boots.driver.list_instances() == []


