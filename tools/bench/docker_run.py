"""The peer: ``docker run`` of the same image on the same engine."""

import subprocess
import time

from bench import servers


def docker(*arguments: str) -> str:
    """Run the docker command line client; its output.  What it complains of is shown."""
    return subprocess.run(['docker', *arguments], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def image_digest(all_servers: servers.Servers, name: str) -> str:
    """The engine's id of the image that the servers of that name run."""
    server = all_servers.named(name)[0]
    return docker('inspect', '--format', '{{.Image}}', f'nova-{server.id}')


def timed_run(image: str, name: str) -> float:
    """Seconds for ``docker run -d``, after which the container runs."""
    begin = time.monotonic()
    docker('run', '-d', '-t', '--name', name, '--label', 'nova-docker-bench', image)
    return time.monotonic() - begin


def remove_all() -> None:
    """Remove what timed_run started."""
    names = docker('ps', '-aq', '--filter', 'label=nova-docker-bench').split()
    if names:
        docker('rm', '-f', *names)
