"""Archives that must never become an image, each with what the refusal says.

What a tenant may upload is up to the tenant: mistakes, and attempts on the host
or on the images of others.  Whoever finds another adds it here.
"""

import bz2
import gzip
import lzma
import tarfile
from typing import Any

from tests import tars
from tests.archives import digest
from tests.tars import as_json
from tests.tars import special
from tests.tars import tar

MIB = 1 << 20
MANIFEST = as_json([{"Config": "c.json", "RepoTags": ["evil:latest"], "Layers": []}])
MANIFEST_MEMBER = ("manifest.json", MANIFEST)
CONFIG_MEMBER = ("c.json", tars.configuration([]))
GOOD = (CONFIG_MEMBER, MANIFEST_MEMBER)
LAYER = tar(("etc/motd", b"hello"))


def extended(records: dict[str, str], content: bytes = MANIFEST, kind: bytes = tarfile.REGTYPE,
             ) -> bytes:
    """A member whose PAX header says something else than its name."""
    entry = tarfile.TarInfo("harmless")
    entry.pax_headers, entry.size, entry.type = records, len(content), kind
    return entry.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


def pax(raw: bytes) -> bytes:
    """A PAX header of raw records before a good archive."""
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, len(raw)
    return entry.tobuf() + raw + bytes(-len(raw) % 512) + tar(*GOOD)


def announcing(size: int) -> bytes:
    """A member that announces more than there is."""
    entry = tarfile.TarInfo("layer.tar")
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(512)


def layered(layer: bytes | None, diff_ids: Any, layers: Any = ("layer.tar",),
            **config: Any) -> bytes:
    """An archive with one layer, whatever its configuration names."""
    return tar(*([] if layer is None else [("layer.tar", layer)]),
               ("c.json", as_json({"rootfs": {"diff_ids": diff_ids}, **config})),
               ("manifest.json", as_json([{"Config": "c.json", "Layers": layers}])))


def with_configuration(raw: bytes) -> bytes:
    return tar(("layer.tar", LAYER), ("c.json", raw), (
        "manifest.json", as_json([{"Config": "c.json", "Layers": ["layer.tar"]}])))


def oci(index: Any, *blobs: bytes) -> bytes:
    return tar(*((f"blobs/sha256/{tars.hexdigest(blob)}", blob) for blob in blobs),
               ("index.json", index if isinstance(index, bytes) else as_json(index)))


def pointing_to(*digests: Any) -> dict[str, Any]:
    return {"manifests": [{"digest": one} for one in digests]}


_MANIFEST = as_json({"config": {"digest": digest(tars.configuration([LAYER]))},
                     "layers": [{"digest": digest(LAYER)}]})
_LOOP = [as_json({"manifests": [{"digest": "sha256:" + "0" * 64}]})]
for _ in range(6):
    _LOOP.append(as_json(pointing_to(digest(_LOOP[-1]))))

NOT_ARCHIVES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a tar archive"),
    "words": (b"hello, I am a qcow2 image\n" * 400, "not a tar archive"),
    "zeros": (bytes(4096), "no manifest.json|not a tar"),
    "root file system": (LAYER, "no manifest.json"),
    "before Docker 1.10": (tar(("00/layer.tar", b"x"), ("repositories", b"{}")), "before 1.10"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd"),
    "half a gzip": (gzip.compress(tar(*GOOD))[:60], "damaged"),
    "broken gzip": (b"\x1f\x8b" + b"\xff" * 100, "damaged"),
    "broken bzip2": (b"BZh9" + b"\xff" * 100, "damaged"),
    "broken xz": (b"\xfd7zXZ\0" + b"\xff" * 100, "damaged"),
    "garbage after gzip": (gzip.compress(tar(*GOOD)) + b"garbage", "damaged"),
    "cut in a member": (tar(("a", b"x" * 5000), *GOOD)[:3000], "ends within"),
    "cut in a header": (tar(("a", b"x"), *GOOD)[:1100], "damaged"),
    "announces a terabyte": (announcing(1 << 40), "ends within"),
    "negative size": (announcing(-1), "size"),
    "PAX without a length": (pax(b"path=x\n"), "malformed"),
    "PAX too short": (pax(b"3 path=x\n"), "malformed"),
    "PAX too long": (pax(b"9999 path=x\n"), "malformed"),
    "PAX size": (extended({"size": "-5"}) + tar(*GOOD), "size"),
    "huge extended header": (extended({"comment": "x" * 100_000}) + tar(*GOOD), "too long"),
    "chain of headers": (extended({"comment": "x"}, b"")[:1024] * 2000 + tar(*GOOD), "damaged"),
    "global header": (
        tarfile.TarInfo.create_pax_global_header({"a": "x"}) + tar(*GOOD), "no place"),
    "sparse": (tar(special("a", tarfile.GNUTYPE_SPARSE), *GOOD), "no place"),
    "sparse by PAX": (extended({"GNU.sparse.size": "9"}) + tar(*GOOD), "sparse"),
}

NAMES: dict[str, tuple[bytes, str]] = {
    "absolute path": (tar(*GOOD, ("/etc/passwd", b"x")), "outside"),
    "path upwards": (tar(*GOOD, ("a/../../etc/passwd", b"x")), "outside"),
    "link out": (tar(*GOOD, special("a/b", tarfile.SYMTYPE, "../../etc/passwd")), "points out"),
    "absolute link": (tar(*GOOD, special("a", tarfile.SYMTYPE, "/etc/passwd")), "points out"),
    "hard link": (tar(*GOOD, special("a", tarfile.LNKTYPE, "manifest.json")), "not a file"),
    "member behind a link": (tar(special("x", tarfile.SYMTYPE, "."), *GOOD,
                                 ("x/manifest.json", MANIFEST)), "behind a link"),
    "block device": (tar(*GOOD, special("a", tarfile.BLKTYPE)), "not a file"),
    "character device": (tar(*GOOD, special("a", tarfile.CHRTYPE)), "not a file"),
    "fifo": (tar(*GOOD, special("a", tarfile.FIFOTYPE)), "not a file"),
    "unknown type": (tar(*GOOD, special("a", b"Z")), "not a file"),
    "two manifests": (tar(*GOOD, MANIFEST_MEMBER), "two members"),
    "two spellings": (tar(*GOOD, ("./manifest.json", MANIFEST)), "two members"),
    "two files": (tar(*GOOD, ("a", b"1"), ("a", b"2")), "two members"),
    "NUL in a name": (extended({"path": "manifest.json\0x"}) + tar(*GOOD), "NUL"),
    "NUL in a link": (
        extended({"linkpath": "a\0/../.."}, b"", tarfile.SYMTYPE) + tar(*GOOD), "NUL"),
    "long name": (tar(*GOOD, ("a/" * 2000 + "b", b"")), "too long"),
    "many members": (tar(*((str(n), b"") for n in range(10_001))), "more than 10000 members"),
    "much JSON": (tar(*((f"{n}.json", b"{" + b" " * (MIB - 1)) for n in range(9)), *GOOD), "JSON"),
}

MANIFESTS: dict[str, tuple[bytes, str]] = {
    "manifest in a folder": (tar(("x/manifest.json", MANIFEST)), "no manifest.json"),
    "manifest is a folder": (tar(special("manifest.json", tarfile.DIRTYPE)), "no manifest.json"),
    "manifest is a link": (tar(("m", MANIFEST), special("manifest.json", tarfile.SYMTYPE, "m")),
                           "is not a file"),
    "manifest is not JSON": (tar(("manifest.json", b"{")), "not JSON"),
    "manifest is not text": (tar(("manifest.json", b"\xff\xfe\xfd")), "not JSON"),
    "manifest is UTF-16": (tar(("manifest.json", MANIFEST.decode().encode("utf-16"))), "not JSON"),
    "manifest nests deeply": (tar(("manifest.json", b"[" * 200_000)), "not JSON"),
    "manifest is an object": (tar(("manifest.json", b"{}")), "not a list of images"),
    "manifest of numbers": (tar(("manifest.json", b"[1]")), "not a list of images"),
    "no image": (tar(("manifest.json", b"[]")), "holds 0 images"),
    "two images": (tar(("manifest.json", b"[{},{}]")), "holds 2 images"),
    "huge manifest": (tar(("manifest.json", b" " * (5 * MIB))), "larger than"),
    "no configuration": (tar(MANIFEST_MEMBER), "configuration 'c.json' is missing"),
    "configuration has no name": (tar(("manifest.json", b'[{"Config":7}]')), "missing"),
    "configuration without layers": (tar(MANIFEST_MEMBER, ("c.json", b"{}")), "names no layers"),
    "configuration is no JSON": (tar(MANIFEST_MEMBER, ("c.json", b"{")), "not JSON"),
    "configuration is a file": (tar(MANIFEST_MEMBER, ("c.json", b"x")), "not JSON"),
    "configuration is a list": (with_configuration(b" [1]"), "not JSON"),
    "rootfs is a list": (with_configuration(b'{"rootfs":[]}'), "names no layers"),
    "diff_ids is text": (with_configuration(b'{"rootfs":{"diff_ids":"x"}}'), "names no layers"),
}

LAYERS: dict[str, tuple[bytes, str]] = {
    "absent layer": (layered(None, [digest(LAYER)]), "layer 'layer.tar' is missing"),
    "another layer": (layered(b"mine", [digest(LAYER)]), "not the one"),
    "layer elsewhere": (layered(LAYER, [digest(LAYER)], ["elsewhere"]), "missing"),
    "layer behind a loop": (tar(special("layer.tar", tarfile.SYMTYPE, "layer.tar"), (
        "c.json", tars.configuration([LAYER])), ("manifest.json", as_json(
            [{"Config": "c.json", "Layers": ["layer.tar"]}]))), "missing"),
    "more layers": (layered(LAYER, [digest(LAYER)], ["layer.tar"] * 2), "2 layers"),
    "fewer layers": (layered(LAYER, [digest(LAYER)] * 2), "1 layers"),
    "no layers": (layered(LAYER, [digest(LAYER)], []), "0 layers"),
    "layers are an object": (layered(LAYER, [digest(LAYER)], {"l": 1}), "not a list"),
    "layers are numbers": (layered(LAYER, [digest(LAYER)], [7]), "missing"),
    "digest is a number": (layered(LAYER, [7]), "not the one"),
    "digest in capitals": (layered(LAYER, [digest(LAYER).upper()]), "not the one"),
    "damaged layer": (layered(b"\x1f\x8b" + b"\xff" * 100, ["sha256:0"]), "damaged"),
    "cut layer": (layered(gzip.compress(LAYER)[:-9], [digest(LAYER)]), "damaged"),
    "layer in zstd": (layered(b"\x28\xb5\x2f\xfd" + bytes(99), ["sha256:0"]), "zstd"),
    # Go's decoder takes RootFS for rootfs, and the last of two.
    "rootfs twice": (with_configuration(
        b'{"rootfs":{"diff_ids":["%s"]},"rootfs":{"diff_ids":["%s"]}}' % (
            digest(b"theirs").encode(), digest(LAYER).encode())), "a key twice"),
    "rootfs in capitals, too": (layered(LAYER, [digest(LAYER)], RootFS={
        "diff_ids": [digest(b"theirs")]}), "a key twice"),
    "rootfs with a long s, too": (with_configuration(as_json({
        "rootfs": {"diff_ids": [digest(LAYER)]},
        "rootf\u017f": {"diff_ids": [digest(b"theirs")]}})), "a key twice"),
    "diff_ids twice": (with_configuration(
        b'{"rootfs":{"Diff_IDs":["x"],"diff_ids":["%s"]}}' % digest(LAYER).encode()),
        "a key twice"),
}

OCI: dict[str, tuple[bytes, str]] = {
    "index is a list": (oci(b"[]"), "not an OCI index"),
    "index is not JSON": (oci(b"{"), "not JSON"),
    "index of nothing": (oci({}), "not an OCI index"),
    "index of no images": (oci(pointing_to()), "holds 0 images"),
    "index of two images": (
        oci(pointing_to(*[digest(_MANIFEST)] * 2), _MANIFEST), "holds 2 images"),
    "digest upwards": (oci(pointing_to("sha256:../../../etc/passwd")), "names the digest"),
    "digest is a number": (oci(pointing_to(7)), "names the digest"),
    "absent manifest": (oci(pointing_to(digest(_MANIFEST))), "missing"),
    "absent configuration": (oci(pointing_to(digest(_MANIFEST)), _MANIFEST), "missing"),
    "absent blob": (oci(pointing_to(digest(_MANIFEST)), _MANIFEST,
                        tars.configuration([LAYER])), "missing"),
    "manifest is a layer": (oci(pointing_to(digest(LAYER)), LAYER), "is not JSON"),
    "manifest is text": (oci(pointing_to(digest(b"{}")), b"{}"), "not an OCI index"),
    "index of indexes": (oci(pointing_to(digest(_LOOP[-1])), *_LOOP), "not an OCI index"),
    "blob of another digest": (tar((f"blobs/sha256/{'0' * 64}", _MANIFEST), (
        "index.json", as_json(pointing_to("sha256:" + "0" * 64)))), "another digest"),
}

CORPUS = {**NOT_ARCHIVES, **NAMES, **MANIFESTS, **LAYERS, **OCI}

# Small here, and gigabytes unpacked; a limit of 16 MiB refuses each.
_ZEROS = bytes(64 * MIB)
BOMBS: dict[str, bytes] = {
    "plain": tar(("layer.tar", bytes(17 * MIB)), *GOOD),
    "gzip": gzip.compress(tar(("layer.tar", _ZEROS), *GOOD), 1),
    "bzip2": bz2.compress(tar(("layer.tar", _ZEROS), *GOOD), 1),
    "xz": lzma.compress(tar(("layer.tar", _ZEROS), *GOOD), preset=0),
    "gzip in a layer": layered(gzip.compress(_ZEROS, 1), [digest(_ZEROS)]),
    "bzip2 in a layer": layered(bz2.compress(_ZEROS, 1), [digest(_ZEROS)]),
    "gzip in gzip": gzip.compress(layered(gzip.compress(_ZEROS, 1), [digest(_ZEROS)]), 1),
    "after the end": gzip.compress(tar(*GOOD) + _ZEROS, 1),
    "many layers": tar(*((f"{n}.tar", bytes(MIB)) for n in range(17)), *GOOD),
    "announced": announcing(1 << 40),
}
