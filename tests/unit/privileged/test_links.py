"""Lists of links that change while they are read."""

from collections.abc import Iterator

from pyroute2.netlink.exceptions import NetlinkDumpInterrupted
import pytest

from nova_docker.privileged import links


class Busy:
    """Links come and go during the first lists."""

    def __init__(self, interrupted: int) -> None:
        self.interrupted = interrupted

    def get_links(self) -> Iterator[str]:
        yield "one"
        if self.interrupted:
            self.interrupted -= 1
            raise NetlinkDumpInterrupted
        yield "two"


def test_an_interrupted_list_is_read_again_from_its_beginning():
    assert links.all_links(Busy(2)) == ["one", "two"]


def test_a_host_that_never_rests_is_an_error_in_the_end():
    with pytest.raises(NetlinkDumpInterrupted):
        links.all_links(Busy(1000))
