"""An image that runs Debian's cloud-init, made as doc/source/user/images.rst says.

debootstrap takes a minute, so the image is kept in NOVA_DOCKER_CLOUD_INIT
(/var/tmp/nova-docker-cloud-init).
"""

import hashlib
import os
from pathlib import Path
import subprocess
import tempfile

FOLDER = Path(os.environ.get('NOVA_DOCKER_CLOUD_INIT', '/var/tmp/nova-docker-cloud-init'))
TAG = 'nova-docker-test/cloud-init'
# debootstrap does not look for what provides a package: python3-cryptography wants the first.
PACKAGES = 'python3-cffi-backend,cloud-init,ca-certificates'
FILES = {
    'etc/cloud/cloud.cfg.d/90-container.cfg': """\
datasource_list: [ConfigDrive, OpenStack]
network: {config: disabled}
preserve_hostname: true
locale: C.UTF-8
resize_rootfs: false
""",
    'usr/local/sbin/boot': """\
#!/bin/sh
# What an init system would start, one after another.
cloud-init init --local
cloud-init init
cloud-init modules --mode=config
cloud-init modules --mode=final
exec "$@"
"""}
CHANGES = ('ENV product_name="OpenStack Nova"', 'ENTRYPOINT ["/usr/local/sbin/boot"]',
           'CMD ["sleep", "infinity"]')


def archive() -> Path:
    """What ``docker save`` writes of it."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    found = FOLDER / f'{version}.tar'
    if not found.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as work:
            _make(Path(work) / 'tree', Path(work) / 'image.tar')
            (Path(work) / 'image.tar').rename(found)
    return found


def _make(tree: Path, target: Path) -> None:
    subprocess.run(['debootstrap', '--variant=minbase', f'--include={PACKAGES}', 'bookworm',
                    tree], check=True, stdout=subprocess.DEVNULL)
    for path, text in FILES.items():
        (tree / path).write_text(text)
        (tree / path).chmod(0o755 if path.startswith('usr/') else 0o644)
    changes = [word for change in CHANGES for word in ('--change', change)]
    with subprocess.Popen(['tar', '-C', tree, '--exclude=./var/cache/apt/*', '-c', '.'],
                          stdout=subprocess.PIPE) as tar:
        subprocess.run(['docker', 'import', *changes, '-', TAG], stdin=tar.stdout, check=True,
                       stdout=subprocess.DEVNULL)
    try:
        subprocess.run(['docker', 'save', '--output', target, TAG], check=True)
    finally:
        subprocess.run(['docker', 'rmi', TAG], check=True, stdout=subprocess.DEVNULL)
