"""An archive on its way from Glance to the engine keeps its image, and nothing else."""

import bz2
from collections.abc import Callable
import gzip
import io
import json
import lzma
import re
import tarfile

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nova_docker import exception
from nova_docker.translate import archive
from tests import archives

TAG = "nova-docker.invalid/glance:0-none"
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
MANIFEST = json.dumps([{"Config": "c.json", "RepoTags": ["evil:latest"], "Layers": []}]).encode()
CONFIG = ("c.json", json.dumps({"rootfs": {"diff_ids": []}}).encode())


def tar(*members: tuple[str, bytes | tarfile.TarInfo], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files, and of ready entries for everything else."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as target:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                target.addfile(content)
            else:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                target.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tuple[str, tarfile.TarInfo]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return name, entry


def rewritten(content: bytes, piece: int = 65536) -> bytes:
    return b"".join(archive.rewrite(archives.pieces(content, piece), TAG))


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as source:
        return {entry.name: source.extractfile(entry).read()  # type: ignore[union-attr]
                for entry in source if entry.isreg()}


def refusal(content: bytes) -> str:
    with pytest.raises(exception.InvalidArchive) as refused:
        rewritten(content)
    return str(refused.value)


IMAGE = archives.Image(files={"bin/sh": b"\x7fELF" * 300}, command=["/bin/sh"],
                       tags=["evil:latest", "busybox:1"])


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_every_compression_gives_the_same_image(compress):
    assert unpacked(rewritten(compress(IMAGE.archive()))) == {
        **unpacked(IMAGE.archive()), "manifest.json": json.dumps([
            {**json.loads(unpacked(IMAGE.archive())["manifest.json"])[0],
             "RepoTags": [TAG]}]).encode()}


member_names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}(/[a-z0-9][a-z0-9._-]{0,130})?",
                             fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(files=st.dictionaries(member_names, st.binary(max_size=3000), max_size=6),
       tags=st.lists(st.text(min_size=1, max_size=20), max_size=3),
       compress=st.sampled_from(list(COMPRESSIONS.values())),
       piece=st.integers(min_value=1, max_value=5000))
def test_contents_pass_unaltered_and_tags_do_not(files, tags, compress, piece):
    names = {name.split("/")[0] for name in files}
    for reserved in ("manifest.json", "repositories", "index.json", "oci-layout", CONFIG[0]):
        names.discard(reserved)
    files = {name: content for name, content in files.items() if name.split("/")[0] in names}
    if any(other.startswith(name + "/") for name in files for other in files):
        return
    manifest = json.dumps([{"Config": CONFIG[0], "RepoTags": tags, "Layers": []}]).encode()
    content = tar(*files.items(), CONFIG, ("manifest.json", manifest),
                  ("repositories", json.dumps({tag: {} for tag in tags}).encode()))
    result = unpacked(rewritten(compress(content), piece))
    assert json.loads(result.pop("manifest.json")) == [
        {"Config": CONFIG[0], "RepoTags": [TAG], "Layers": []}]
    assert result == {**files, CONFIG[0]: CONFIG[1]}


def test_the_second_index_of_the_oci_layout_does_not_pass():
    """It would name the image, or another, beside manifest.json."""
    index = {"schemaVersion": 2, "manifests": [{"digest": "sha256:1", "annotations": {
        "io.containerd.image.name": "docker.io/library/evil:latest"}}]}
    result = unpacked(rewritten(tar(
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("blobs/sha256/1", b"blob"),
        ("index.json", json.dumps(index).encode()), ("manifest.json", MANIFEST), CONFIG)))
    assert set(result) == {"blobs/sha256/1", "manifest.json", CONFIG[0]}


def test_links_between_layers_survive():
    content = tar(("a/layer.tar", b"x"), special("b/layer.tar", tarfile.SYMTYPE, "../a/layer.tar"),
                  ("manifest.json", MANIFEST), CONFIG)
    with tarfile.open(fileobj=io.BytesIO(rewritten(content))) as result:
        assert result.getmember("b/layer.tar").linkname == "../a/layer.tar"


def test_the_owner_and_the_special_bits_of_members_do_not_pass():
    entry = tarfile.TarInfo("d")
    entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, 0o4755, 1000
    content = rewritten(tar(("d", entry), ("manifest.json", MANIFEST), CONFIG))
    with tarfile.open(fileobj=io.BytesIO(content)) as result:
        assert (result.getmember("d").mode, result.getmember("d").uid) == (0o755, 0)


GOOD = ("manifest.json", MANIFEST)
REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a tar archive"),
    "words": (b"hello, I am a qcow2 image\n" * 400, "not a tar archive"),
    "zeros": (bytes(4096), "no manifest.json|not a tar"),
    "no manifest": (tar(("a", b"1")), "no manifest.json"),
    "manifest in a folder": (tar(("x/manifest.json", MANIFEST)), "no manifest.json"),
    "manifest is a folder": (tar(special("manifest.json", tarfile.DIRTYPE)), "is not a file"),
    "manifest is a link": (tar(("m", MANIFEST), special("manifest.json", tarfile.SYMTYPE, "m")),
                           "is not a file"),
    "manifest is not JSON": (tar(("manifest.json", b"{")), "not JSON"),
    "manifest is not text": (tar(("manifest.json", b"\xff\xfe\xfd")), "not JSON"),
    "manifest nests deeply": (tar(("manifest.json", b"[" * 200_000)), "not JSON"),
    "manifest is an object": (tar(("manifest.json", b"{}")), "not a list of images"),
    "manifest of numbers": (tar(("manifest.json", b"[1]")), "not a list of images"),
    "no image": (tar(("manifest.json", b"[]")), "holds 0 images"),
    "two images": (tar(("manifest.json", b"[{},{}]")), "holds 2 images"),
    "two manifests": (tar(GOOD, GOOD), "two members"),
    "two spellings": (tar(GOOD, ("./manifest.json", MANIFEST)), "two members"),
    "two files": (tar(GOOD, ("a", b"1"), ("a", b"2")), "two members"),
    "huge manifest": (tar(("manifest.json", b" " * (5 << 20))), "larger than"),
    "no configuration": (tar(GOOD), "configuration 'c.json' is missing"),
    "configuration without layers": (tar(GOOD, ("c.json", b"{}")), "names no layers"),
    "configuration is no JSON": (tar(GOOD, ("c.json", b"{")), "names no layers"),
    "absolute path": (tar(GOOD, ("/etc/passwd", b"x")), "outside"),
    "path upwards": (tar(GOOD, ("a/../../etc/passwd", b"x")), "outside"),
    "link out": (tar(GOOD, special("a/b", tarfile.SYMTYPE, "../../etc/passwd")), "points out"),
    "absolute link": (tar(GOOD, special("a", tarfile.SYMTYPE, "/etc/passwd")), "points out"),
    "hard link": (tar(GOOD, special("a", tarfile.LNKTYPE, "manifest.json")), "not a file"),
    "member behind a link": (tar(special("x", tarfile.SYMTYPE, "."), GOOD,
                                 ("x/manifest.json", MANIFEST)), "behind a link"),
    "block device": (tar(GOOD, special("a", tarfile.BLKTYPE)), "not a file"),
    "character device": (tar(GOOD, special("a", tarfile.CHRTYPE)), "not a file"),
    "fifo": (tar(GOOD, special("a", tarfile.FIFOTYPE)), "not a file"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_one_image_is_refused_with_the_reason(content, reason):
    assert re.search(reason, refusal(content))


def extended(records: dict[str, str], content: bytes = MANIFEST) -> bytes:
    """A member whose PAX header says something else than its name."""
    entry = tarfile.TarInfo("harmless")
    entry.pax_headers, entry.size = records, len(content)
    return entry.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


@pytest.mark.parametrize("name", ["manifest.json\0", "manifest.json\0x", "./manifest.json\0y"])
def test_a_nul_does_not_smuggle_a_second_manifest_in(name):
    assert "NUL" in refusal(extended({"path": name}) + tar(GOOD))


def test_a_nul_does_not_smuggle_a_link_out():
    entry = tarfile.TarInfo("x")
    entry.type, entry.pax_headers = tarfile.SYMTYPE, {"linkpath": "a\0/../../.."}
    assert "NUL" in refusal(entry.tobuf(tarfile.PAX_FORMAT) + tar(GOOD))


def test_an_extended_header_that_would_fill_the_memory_is_refused():
    assert "too long" in refusal(extended({"comment": "x" * 100_000}) + tar(GOOD))


def test_a_chain_of_extended_headers_is_refused():
    link = extended({"comment": "x"}, b"")[:1024]
    assert "damaged" in refusal(link * 2000 + tar(GOOD))


def test_a_global_header_is_refused():
    header = tarfile.TarInfo.create_pax_global_header({"comment": "x"})
    assert "no place" in refusal(header + tar(GOOD))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_archive_cut_anywhere_never_passes_whole(data):
    compress = data.draw(st.sampled_from(list(COMPRESSIONS.values())))
    content = compress(IMAGE.archive())
    cut = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    try:
        result = unpacked(rewritten(content[:cut]))
    except exception.InvalidArchive:
        return
    assert result == unpacked(rewritten(content)), "only the padding may be missing"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_and_never_a_crash(data):
    content = bytearray(data.draw(st.sampled_from(list(COMPRESSIONS.values())))(IMAGE.archive()))
    for _ in range(data.draw(st.integers(min_value=1, max_value=8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        result = unpacked(rewritten(bytes(content)))
    except exception.InvalidArchive:
        return
    assert json.loads(result["manifest.json"])[0]["RepoTags"] == [TAG]


# The engine does not read a layer that it has: only its presence here is proof.

def layered(layer: bytes | None, diff_id: str, path: str = "l/layer.tar",
            layers: object = None) -> bytes:
    """An archive whose configuration names one layer."""
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": layers or [path]}]
    config = {"rootfs": {"diff_ids": [diff_id]}}
    return tar(*([] if layer is None else [(path, layer)]),
               ("c.json", json.dumps(config).encode()),
               ("manifest.json", json.dumps(manifest).encode()))


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
@pytest.mark.parametrize("size", [0, 3, 100_000, 3 << 20])
def test_a_layer_is_known_by_its_uncompressed_content(compress, size):
    layer = b"x" * size
    rewritten(layered(compress(layer), archives.digest(layer)))


def test_somebody_elses_layer_cannot_be_had_by_its_digest():
    theirs = archives.digest(b"their secret")
    assert "'l/layer.tar' is missing" in refusal(layered(None, theirs))
    assert "is not the one" in refusal(layered(b"mine", theirs))
    assert "is missing" in refusal(layered(b"mine", theirs, layers=["elsewhere"]))


def test_a_layer_behind_a_link_is_the_one_it_points_to():
    manifest = json.dumps([{"Config": "c.json", "Layers": ["b/layer.tar"]}]).encode()
    config = json.dumps({"rootfs": {"diff_ids": [archives.digest(b"x")]}}).encode()
    link = special("b/layer.tar", tarfile.SYMTYPE, "../a/layer.tar")
    rewritten(tar(("a/layer.tar", b"x"), link, ("manifest.json", manifest), ("c.json", config)))
    loop = special("b/layer.tar", tarfile.SYMTYPE, "layer.tar")
    assert "missing" in refusal(tar(loop, ("manifest.json", manifest), ("c.json", config)))


@pytest.mark.parametrize("layers", ["l/layer.tar", ["l/layer.tar"] * 2, {"l": 1}])
def test_layers_that_do_not_match_the_configuration_are_refused(layers):
    content = layered(b"x", archives.digest(b"x"), layers=layers)
    assert "name different layers" in refusal(content)


def test_a_damaged_layer_is_refused():
    broken = b"\x1f\x8b" + b"\xff" * 100
    assert "damaged" in refusal(layered(broken, "sha256:0"))


def test_json_that_would_fill_the_memory_is_refused():
    flood = [(f"{n}.json", b"{" + b" " * (3 << 20)) for n in range(6)]
    assert "bytes of JSON" in refusal(tar(*flood, GOOD))
