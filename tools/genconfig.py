"""Writes etc/nova-docker/nova-docker.conf.sample from the options in the code.

Like ``oslo-config-generator --config-file etc/nova-docker/config-generator.conf``,
for this checkout instead of the distribution that happens to be installed.
"""

import io
from pathlib import Path
import sys
from unittest import mock

from oslo_config import cfg
from oslo_config import generator

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'etc/nova-docker'
SAMPLE = FOLDER / 'nova-docker.conf.sample'


def sample() -> str:
    """The text of the sample file."""
    sys.path.insert(0, str(ROOT))
    try:
        from nova_docker import conf as options
    finally:
        sys.path.remove(str(ROOT))
    settings = cfg.ConfigOpts()
    generator.register_cli_opts(settings)
    settings(['--config-file', str(FOLDER / 'config-generator.conf')])
    output = io.StringIO()
    with mock.patch.object(generator, '_get_raw_opts_loaders',
                           lambda names: [(name, options.list_opts) for name in names]):
        generator.generate(settings, output)
    return output.getvalue()


if __name__ == '__main__':
    SAMPLE.write_text(sample())
