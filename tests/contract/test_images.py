"""What an engine does with images.  The fake is held to the real one."""

import pytest

from nova_docker import exception
from tests import registry
from tests.archives import pieces
from tests.contract.world import World
from tests.fakes.images import FakeRegistry

NOBODY = "127.0.0.1:1/nova-docker-contract/absent:1"


def test_a_loaded_image_is_found_by_its_id_and_by_its_tag(world: World):
    image = world.load(world.image("/bin/sleep", "7", env=["A=b"]))
    by_id = world.engine.inspect_image(image.id)
    assert by_id["Id"] == image.id
    assert by_id["RepoTags"] == [*image.tags]
    assert by_id["Config"]["Cmd"] == ["/bin/sleep", "7"]
    assert by_id["Config"]["Env"] == ["A=b"]
    assert by_id["Config"]["Entrypoint"] is None
    assert by_id["Os"] == "linux"
    assert by_id["Size"] > 0
    assert world.engine.inspect_image(image.tags[0])["Id"] == image.id


def test_an_image_without_tags_is_found_by_its_id(world: World):
    image = world.load(world.image(tags=[]))
    assert world.engine.inspect_image(image.id)["RepoTags"] == []


def test_loading_an_image_twice_is_no_error(world: World):
    image = world.load(world.image())
    world.load(image)
    assert world.engine.inspect_image(image.id)["RepoTags"] == [*image.tags]


def test_a_list_holds_the_images_of_one_repository(world: World):
    one = world.load(world.image("/bin/sleep", "1", tag="one"))
    two = world.load(world.image("/bin/sleep", "2", tag="two"))
    other = world.image("/bin/sleep", "3", tags=[f"{world.repository}x:1"])
    world.load(other)

    def listed(repository: str) -> set[tuple[str, ...]]:
        return {(image["Id"], *image["RepoTags"])
                for image in world.engine.list_images(repository)}

    assert listed(world.repository) == {(one.id, *one.tags), (two.id, *two.tags)}
    assert listed(f"{world.repository}x") == {(other.id, *other.tags)}
    assert listed(f"{world.repository}y") == set()


def test_a_list_of_every_repository_tells_all_names_of_an_image(world: World):
    tags = [f"{world.repository}:1", f"{world.repository}x:1"]
    image = world.load(world.image(tags=tags))
    (entry,) = [found for found in world.engine.list_images() if found["Id"] == image.id]
    assert sorted(entry["RepoTags"]) == tags


def test_a_name_is_given_to_an_image_and_leaves_the_one_that_had_it(world: World):
    one = world.load(world.image("/bin/sleep", "1", tag="one"))
    two = world.load(world.image("/bin/sleep", "2", tag="two"))
    name = f"{world.repository}-more:1"
    for image in (one, two, two):
        world.engine.tag_image(image.id, name)
        assert world.engine.inspect_image(name)["Id"] == image.id
    assert world.engine.inspect_image(one.id)["RepoTags"] == [*one.tags]
    world.engine.remove_image(name)


def test_only_an_image_that_is_there_is_given_a_name(world: World):
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.tag_image("sha256:" + "0" * 64, f"{world.repository}:1")


def test_a_shared_layer_takes_its_space_once(world: World):
    before = world.engine.layers_size()
    one = world.load(world.image("/bin/sleep", "1", tag="one"))
    with_one = world.engine.layers_size()
    assert with_one - before == world.engine.inspect_image(one.id)["Size"] > 0
    world.load(world.image("/bin/sleep", "2", tag="two"))
    assert world.engine.layers_size() == with_one


def test_a_tag_moves_to_the_image_that_is_loaded_last(world: World):
    first = world.load(world.image("/bin/sleep", "1"))
    second = world.load(world.image("/bin/sleep", "2"))
    assert world.engine.inspect_image(first.tags[0])["Id"] == second.id
    assert world.engine.inspect_image(first.id)["RepoTags"] == []


@pytest.mark.parametrize("reference", ["sha256:" + "0" * 64, "nova-docker-contract/absent:1"])
def test_an_absent_image_is_not_found(world: World, reference: str):
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.inspect_image(reference)


def test_removing_the_last_tag_removes_the_image(world: World):
    image = world.load(world.image())
    world.engine.remove_image(image.tags[0])
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.inspect_image(image.id)
    world.engine.remove_image(image.tags[0])


def test_removing_one_of_two_tags_keeps_the_image(world: World):
    tags = [f"{world.repository}:{name}" for name in ("one", "two")]
    image = world.load(world.image(tags=tags))
    world.engine.remove_image(tags[0])
    assert world.engine.inspect_image(image.id)["RepoTags"] == [tags[1]]


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("by", ["tag", "id"])
def test_an_image_in_use_is_not_removed(world: World, running: bool, by: str):
    image = world.load(world.image())
    name = world.create(image=image.id)
    if running:
        world.engine.start_container(name)
    with pytest.raises(exception.EngineConflict):
        world.engine.remove_image(image.tags[0] if by == "tag" else image.id)
    assert world.engine.inspect_image(image.id)["RepoTags"] == [*image.tags]
    world.engine.remove_container(name)
    world.engine.remove_image(image.id)


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, b"garbage" * 1_000_000])
def test_garbage_is_not_loaded(world: World, content: bytes):
    with pytest.raises(exception.ImageLoadFailed):
        world.engine.load_image(pieces(content))


def test_half_an_archive_is_not_loaded(world: World):
    image = world.image()
    archive = image.archive()
    with pytest.raises(exception.ImageLoadFailed):
        world.engine.load_image(pieces(archive[:len(archive) // 2]))
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.inspect_image(image.id)


def test_an_error_of_the_source_passes_through_a_load(world: World):
    def breaking():
        yield world.image().archive()[:100]
        raise KeyError("the source broke")

    with pytest.raises(KeyError, match="the source broke"):
        world.engine.load_image(breaking())
    world.engine.ping()
    world.engine.ping_anew()


def test_a_published_image_is_pulled_by_tag_and_then_known_by_digest(world: World):
    image = world.image()
    reference = world.registry.publish(world.mark, "7", image)
    world.pull(reference)
    details = world.engine.inspect_image(reference)
    assert (details["Id"], details["RepoTags"]) == (image.id, [reference])
    (by_digest,) = details["RepoDigests"]
    assert by_digest.startswith(f"{world.registry.address}/{world.mark}@sha256:")
    assert world.engine.inspect_image(by_digest)["Id"] == image.id


def test_a_published_image_is_pulled_by_digest(world: World):
    image = world.image()
    reference = world.registry.publish(world.mark, "7", image)
    world.pull(reference)
    (by_digest,) = world.engine.inspect_image(reference)["RepoDigests"]
    world.engine.remove_image(reference)
    world.pull(by_digest)
    details = world.engine.inspect_image(by_digest)
    assert (details["Id"], details["RepoTags"]) == (image.id, [])


def test_a_pulled_image_goes_with_its_last_name_and_that_is_told_if_it_is_used(world: World):
    reference = world.registry.publish(world.mark, "7", world.image())
    world.pull(reference)
    name = world.create(image=reference)
    private, used = f"{world.repository}:kept", exception.EngineConflict
    world.images.append(private)
    world.engine.tag_image(reference, private)
    (by_digest,) = world.engine.inspect_image(reference)["RepoDigests"]
    for removed in (reference, by_digest):
        world.engine.remove_image(removed)
    assert world.engine.inspect_image(private)["RepoDigests"] == []
    with pytest.raises(used):
        world.engine.remove_image(private)
    world.engine.remove_container(name)
    world.engine.remove_image(private)
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.inspect_image(private)


@pytest.mark.parametrize("reference", ["{address}/{mark}:absent", "{address}/{mark}-absent:1"])
def test_what_the_registry_lacks_is_not_found(world: World, reference: str):
    world.registry.publish(world.mark, "7", world.image())
    with pytest.raises(exception.EngineImageNotFound):
        world.engine.pull_image(
            reference.format(address=world.registry.address, mark=world.mark))


def test_a_registry_that_does_not_answer_fails_the_pull(world: World):
    with pytest.raises(exception.RegistryUnreachable, match="connection refused"):
        world.engine.pull_image(NOBODY)


def test_a_malformed_reference_is_rejected(world: World):
    with pytest.raises(exception.EngineRejected, match="invalid reference format"):
        world.engine.pull_image("Not/A Reference")


def test_an_image_is_pulled_for_the_platform_that_is_asked_for(world: World):
    image = world.image()
    reference = world.registry.publish_list(
        world.mark, "list", image, "linux/s390x", "linux/arm64/v8")
    with pytest.raises(exception.PlatformNotFound, match="no matching manifest"):
        world.engine.pull_image(reference, platform="linux/ppc64le")
    assert world.engine.image_platforms(reference) == [
        {"os": "linux", "architecture": "s390x"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"}]


@pytest.fixture
def private(world: World):
    """A registry that wants a password."""
    if isinstance(world.registry, FakeRegistry):
        world.registry.users = {"alice": "secret"}
        yield world.registry
    else:
        with registry.running("docker-registry", {"alice": "secret"}) as running:
            yield running


def test_a_registry_that_wants_a_password_is_given_one(world: World, private):
    reference = private.publish(world.mark, "1", world.image())
    with pytest.raises(exception.RegistryRefused, match="no basic auth credentials"):
        world.engine.pull_image(reference)
    with pytest.raises(exception.RegistryRefused, match="unauthorized"):
        world.engine.pull_image(reference, credentials={"username": "alice", "password": "x"})
    world.images.append(reference)
    right = {"username": "alice", "password": "secret"}
    world.engine.pull_image(reference, credentials=right)
    assert world.engine.inspect_image(reference)["Id"] == world.image().id
    assert len(world.engine.image_platforms(reference, credentials=right)) == 1
