"""An archive on its way from Glance to the engine keeps its image, and nothing else."""

import json
import re
import tarfile
import tracemalloc

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nova_docker import exception
from nova_docker.translate import archive
from nova_docker.translate import compression
from tests import archives
from tests import hostile
from tests import tars

TAG = "nova-docker.invalid/glance:0-none"
LIMIT = archive.Allowance(16 << 20, "the 16 MiB of a test")
compressions = st.sampled_from(list(tars.COMPRESSIONS.values()))


def rewritten(content: bytes, piece: int = 65536,
              allowance: archive.Allowance = archive.Allowance()) -> bytes:  # noqa: B008
    return b"".join(archive.rewrite(archives.pieces(content, piece), TAG, allowance))


def image_in(content: bytes) -> tuple[bytes, list[bytes]]:
    """The configuration and the layers that an engine would take from an archive."""
    files = tars.unpacked(content)
    ((image),) = json.loads(files["manifest.json"])
    assert image["RepoTags"] == [TAG]
    assert set(image) == {"Config", "RepoTags", "Layers"}
    assert not {"repositories", "index.json", "oci-layout"} & set(files)
    return files[image["Config"]], [files[layer] for layer in image["Layers"]]


def plain(layer: bytes) -> bytes:
    return b"".join(compression.decompressed([layer]))


def refusal(content: bytes, piece: int = 65536) -> str:
    with pytest.raises(exception.InvalidArchive) as refused:
        rewritten(content, piece)
    return str(refused.value)


IMAGE = archives.Image(files={"bin/sh": b"\x7fELF" * 300}, command=["/bin/sh"],
                       tags=["evil:latest", "busybox:1"])


@pytest.mark.parametrize("compress", tars.COMPRESSIONS.values(), ids=tars.COMPRESSIONS)
@pytest.mark.parametrize("layout", tars.LAYOUTS.values(), ids=tars.LAYOUTS)
def test_every_layout_and_compression_gives_the_image(layout, compress):
    layers = [b"lower" * 3000, b"upper", b"lower" * 3000, b"{looks like JSON", b""]
    config, found = image_in(rewritten(compress(tars.tar(*layout(layers, ["evil:latest"])))))
    assert config == tars.configuration(layers)
    assert [plain(layer) for layer in found] == layers


# Random bytes that begin as those of a compressed file are damaged ones.
layer_contents = st.binary(max_size=3000).filter(
    lambda content: not compression.is_compressed(content))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), layers=st.lists(layer_contents, max_size=5),
       layout=st.sampled_from(list(tars.LAYOUTS.values())),
       tags=st.lists(st.text(min_size=1, max_size=20), max_size=3),
       piece=st.integers(min_value=1, max_value=5000))
def test_the_order_of_members_and_the_pieces_do_not_matter(data, layers, layout, tags, piece):
    members = data.draw(st.permutations(layout(layers, tags)))
    compress = data.draw(compressions)
    config, found = image_in(rewritten(compress(tars.tar(*members)), piece))
    assert config == tars.configuration(layers)
    assert [plain(layer) for layer in found] == layers


def test_the_manifest_comes_last():
    """Or an engine would have an image before its archive was checked."""
    members = tars.docker_layout([b"layer"])
    with tarfile.open(fileobj=archives.stream(rewritten(tars.tar(*reversed(members))))) as result:
        assert result.getnames()[-1] == "manifest.json"


@pytest.mark.parametrize("piece", [100, 65536])
@pytest.mark.parametrize(("content", "reason"), hostile.CORPUS.values(), ids=hostile.CORPUS)
def test_what_is_not_one_image_is_refused_with_the_reason(content, reason, piece):
    assert re.search(reason, refusal(content, piece))


@pytest.mark.parametrize("content", hostile.BOMBS.values(), ids=hostile.BOMBS)
def test_what_unpacks_to_more_than_is_allowed_is_refused(content):
    with pytest.raises(exception.ImageTooLarge, match="16 MiB of a test"):
        for _ in archive.rewrite(archives.pieces(content), TAG, LIMIT):
            pass


@pytest.mark.parametrize("layout", ["docker", "oci"])
def test_what_unpacks_to_just_what_is_allowed_passes(layout):
    layers = [bytes(7 << 20), bytes(8 << 20)]
    rewritten(tars.tar(*tars.LAYOUTS[layout](layers, [])), allowance=LIMIT)


@pytest.mark.parametrize("layout", ["docker", "oci"])
def test_memory_does_not_grow_with_the_image(layout):
    content = tars.tar(*tars.LAYOUTS[layout]([bytes(64 << 20)], []))
    tracemalloc.start()
    try:
        for _ in archive.rewrite(archives.pieces(content, 1 << 20), TAG):
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 << 20


def test_the_source_is_read_to_its_end():
    """There Glance's client compares the checksum, and may raise."""
    def source():
        yield tars.tar(*hostile.GOOD)
        raise OSError("Corrupt image download")

    with pytest.raises(OSError, match="Corrupt"):
        list(archive.rewrite(source(), TAG))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_archive_cut_anywhere_never_passes_whole(data):
    content = data.draw(compressions)(IMAGE.archive())
    cut = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    try:
        result = image_in(rewritten(content[:cut]))
    except exception.InvalidArchive:
        return
    assert result == (IMAGE.config, [IMAGE.layer]), "only the padding may be missing"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_and_never_a_crash(data):
    layout = data.draw(st.sampled_from(list(tars.LAYOUTS.values())))
    content = bytearray(data.draw(compressions)(tars.tar(*layout([IMAGE.layer], []))))
    for _ in range(data.draw(st.integers(min_value=1, max_value=8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image_in(rewritten(bytes(content)))
    except exception.InvalidArchive:
        return
