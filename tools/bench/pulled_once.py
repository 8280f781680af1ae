"""What a registry sends for many boots of an image that the engine does not have.

The registry is one of the benchmark's own; its access log says how many bytes it
sent for each request.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import json
from pathlib import Path
import re
import socket
import subprocess
import tempfile
import time
from urllib import error
from urllib import request

from aio import layout

from bench import docker_run
from bench import servers

BOOTS = 10
_SIZE_MIB = 16
_NAME = 'nova-docker-bench-registry'
# The combined log format: ... "GET /v2/... HTTP/1.1" 200 <bytes> ...
_SENT = re.compile(r'"GET /v2/\S+ HTTP/[\d.]+" 20\d (?P<bytes>\d+)')


@dataclasses.dataclass(frozen=True)
class Reads:
    """Bytes that the registry sent."""

    pull: int
    boots: int


class _Registry:
    """An empty registry that logs what it sends."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(('127.0.0.1', 0))
            self.address = f'127.0.0.1:{listener.getsockname()[1]}'
        self.config, self.log = folder / 'config.json', folder / 'log'
        self.config.write_text(json.dumps({  # JSON is YAML too
            'version': 0.1, 'log': {'level': 'error'}, 'http': {'addr': self.address},
            'storage': {'filesystem': {'rootdirectory': str(folder / 'store')}}}))

    def sent_in(self, body: Callable[[], object]) -> int:
        """Bytes that it sends during the call."""
        offset = self.log.stat().st_size
        body()
        with self.log.open() as log:
            log.seek(offset)
            return sum(int(found['bytes']) for found in _SENT.finditer(log.read()))


@contextlib.contextmanager
def _running() -> Iterator[_Registry]:
    with tempfile.TemporaryDirectory(prefix='nova-docker-bench-') as folder:
        registry = _Registry(Path(folder))
        with registry.log.open('wb') as log, subprocess.Popen(
                ['docker-registry', 'serve', str(registry.config)], stdout=log,
                stderr=log) as process:
            try:
                _wait(registry.address)
                yield registry
            finally:
                process.kill()


def _wait(address: str) -> None:
    for _ in range(100):
        with contextlib.suppress(error.URLError), \
                request.urlopen(f'http://{address}/v2/', timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError('the registry does not start')


def measure(where: layout.Layout, make_context: Callable[[Path, int], None]) -> Reads:
    """:param make_context: fills a folder for ``docker build`` with that many MiB"""
    with _running() as registry, tempfile.TemporaryDirectory() as folder:
        reference = f'{registry.address}/bench/web:1'
        make_context(Path(folder), _SIZE_MIB)
        docker_run.docker('build', '--quiet', '--tag', reference, folder)
        docker_run.docker('push', '--quiet', reference)
        docker_run.docker('rmi', reference)
        pull = registry.sent_in(lambda: docker_run.docker('pull', reference))
        digest = docker_run.docker('inspect', '--format', '{{.Id}}', reference)
        docker_run.docker('rmi', reference)
        try:
            return Reads(pull, registry.sent_in(lambda: _boot(where, reference)))
        finally:
            docker_run.docker('rmi', '--force', digest)


def _boot(where: layout.Layout, reference: str) -> None:
    cloud = servers.Servers(where).cloud
    image = cloud.image.create_image(
        name=_NAME, container_format='docker', disk_format='raw', data=b'x',
        validate_checksum=False, docker_image=reference)
    try:
        while cloud.image.get_image(image.id).status != 'active':
            time.sleep(servers.POLL)
        with servers.Servers(where, image.id).running('bench-pulled', BOOTS):
            pass
    finally:
        cloud.image.delete_image(image.id)
