"""The sandbox image: a static program of a few hundred bytes that sleeps.

It is written here byte by byte, so that no registry and no compiler is needed,
and as an archive whose content never changes, so that every host makes the
same image with the same digest.
"""

import hashlib
import json
import struct
import typing as ty

from nova_docker.translate import archive
from nova_docker.translate import naming

# Block SIGTERM, wait for it, end.  The kernel keeps a signal from the first process
# of a container unless that handles or blocks it, and the init of a host that shuts
# down would wait for such a process until its patience ends.  Whatever else
# interrupts the wait (a debugger, a freeze) starts it anew.
_SIGTERM = struct.pack('<Q', 1 << 14)

_X86_64 = bytes.fromhex(
    '31ff'              # xor edi, edi (SIG_BLOCK)
    '488d3535000000'    # lea rsi, [set]
    '31d2'              # xor edx, edx
    '41ba08000000'      # mov r10d, 8
    'b80e000000'        # mov eax, 14 (rt_sigprocmask)
    '0f05'              # syscall
    '488d3d1f000000'    # lea rdi, [set]
    '31f6'              # xor esi, esi
    '31d2'              # xor edx, edx
    '41ba08000000'      # mov r10d, 8
    'b880000000'        # mov eax, 128 (rt_sigtimedwait)
    '0f05'              # syscall
    '83f80f'            # cmp eax, 15
    '75e3'              # jne to the second lea
    '31ff'              # xor edi, edi
    'b83c000000'        # mov eax, 60 (exit)
    '0f05'              # syscall
) + _SIGTERM            # set

_AARCH64 = struct.pack(
    '<17I',
    0xd2800000,         # mov x0, 0 (SIG_BLOCK)
    0x10000201,         # adr x1, set
    0xd2800002,         # mov x2, 0
    0xd2800103,         # mov x3, 8
    0xd28010e8,         # mov x8, 135 (rt_sigprocmask)
    0xd4000001,         # svc 0
    0x10000160,         # adr x0, set
    0xd2800001,         # mov x1, 0
    0xd2800002,         # mov x2, 0
    0xd2800103,         # mov x3, 8
    0xd2801128,         # mov x8, 137 (rt_sigtimedwait)
    0xd4000001,         # svc 0
    0xf1003c1f,         # cmp x0, 15
    0x54ffff21,         # b.ne to the second adr
    0xd2800000,         # mov x0, 0
    0xd2800ba8,         # mov x8, 93 (exit)
    0xd4000001,         # svc 0
) + _SIGTERM            # set

# The engine's name of an architecture: (Go's name, ELF machine, program)
_PROGRAMS = {
    'x86_64': ('amd64', 62, _X86_64),
    'aarch64': ('arm64', 183, _AARCH64),
}

_LOAD_ADDRESS = 0x400000
_HEADERS = 64 + 56


def supported_architectures() -> list[str]:
    """Machine names (``uname -m``) for which there is a program."""
    return sorted(_PROGRAMS)


def program(architecture: str) -> bytes:
    """A static ELF executable that sleeps until SIGTERM.

    :param architecture: machine name, one of supported_architectures()
    """
    _, machine, code = _PROGRAMS[architecture]
    size = _HEADERS + len(code)
    header = struct.pack(
        '<16sHHIQQQIHHHHHH', b'\x7fELF\x02\x01\x01', 2, machine, 1,
        _LOAD_ADDRESS + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack(
        '<IIQQQQQQ', 1, 5, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 0x1000)
    return header + segment + code


def image(architecture: str) -> tuple[str, bytes]:
    """The image as ``docker load`` takes it.

    :returns: (tag, archive)
    """
    layer = _tar({'pause': program(architecture)}, mode=0o755)
    config = _json({
        'architecture': _PROGRAMS[architecture][0],
        'os': 'linux',
        'created': '1970-01-01T00:00:00Z',
        'config': {'Entrypoint': ['/pause']},
        'rootfs': {'type': 'layers', 'diff_ids': [f'sha256:{_sha256(layer)}']},
        'history': [{'created': '1970-01-01T00:00:00Z', 'created_by': 'nova-docker'}],
    })
    digest = _sha256(config)
    tag = f'{naming.SANDBOX_REPOSITORY}:{digest[:12]}'
    manifest = _json([{'Config': f'{digest}.json', 'RepoTags': [tag],
                       'Layers': ['layer.tar']}])
    return tag, _tar({f'{digest}.json': config, 'layer.tar': layer,
                      'manifest.json': manifest}, mode=0o644)


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    members = [archive.member(name, content, mode) for name, content in files.items()]
    return b''.join([*members, archive.END])


def _json(value: ty.Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
