"""The Guru Meditation Report of the running nova-compute."""

import os
import signal
import subprocess

from tests.cloud import program


def test_the_report_of_a_running_service_tells_of_its_engine(
        compute: program.Program) -> None:
    offset = compute.log.stat().st_size
    for pid in workers(compute.pid()):
        os.kill(pid, signal.SIGUSR2)
    compute.wait_for_line('Containers of this host', offset)
    told = compute.logged(offset)
    assert 'URL = unix:///' in told
    assert 'followed for' in told


def workers(pid: int) -> list[int]:
    """The process that has the driver: the service's own child, where it has one."""
    children = subprocess.run(['pgrep', '-P', str(pid), '-f', 'nova-compute'],
                              capture_output=True, text=True, check=False).stdout.split()
    return [int(child) for child in children] or [pid]
