"""What runs with more rights than nova-compute has is small, and asked for by name."""

import inspect
import subprocess
import sys

from oslo_privsep import capabilities

from nova_docker import privileged
from nova_docker.privileged import netns

ENTRANCES = {"plug_nics", "list_unwired", "announce_nics", "delete_links", "join_bridge",
             "set_links_state", "list_aliases"}


def test_the_rights_are_those_that_namespaces_need_and_no_more():
    """In a process of its own: oslo.config's fixture forgets what a context has set."""
    program = ("from nova_docker import privileged; "
               "print(*privileged.context.conf.capabilities)")
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", program],
                         stdout=subprocess.PIPE, text=True, check=True)
    assert set(map(int, run.stdout.split())) == {
        capabilities.CAP_NET_ADMIN, capabilities.CAP_SYS_ADMIN, capabilities.CAP_SYS_PTRACE}


def test_nothing_public_avoids_the_privileged_process():
    entrances = {name for name, member in vars(netns).items()
                 if privileged.context.is_entrypoint(member)}
    assert entrances >= ENTRANCES
    others = {name for name, function in inspect.getmembers(netns, inspect.isfunction)
              if function.__module__ == netns.__name__ and not name.startswith("_")}
    assert others == set()


def test_a_file_that_is_bound_elsewhere_is_rewritten_and_not_replaced(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("a much longer content than the next\n")
    inode = path.stat().st_ino
    netns._write_in_place(str(path), "short\n")
    assert path.read_text() == "short\n"
    assert path.stat().st_ino == inode
