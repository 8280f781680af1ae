"""The name under which Nova finds the driver: nova.virt.docker.

``compute_driver = docker.DockerDriver`` makes Nova import
``nova.virt.docker`` (see ``nova.virt.driver.load_compute_driver``); the driver
itself lives in :mod:`nova_docker`.
"""

from nova_docker.driver import DockerDriver

__all__ = ['DockerDriver']
