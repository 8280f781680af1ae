"""One password of a shadow file changes, and nothing else."""

import pytest

from nova_docker.translate import shadow

SHADOW = b"root:*:0:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nrooty:!:1:::::2:\n"


def test_the_users_line_gets_the_hash_and_the_day():
    changed = shadow.with_password(SHADOW, "root", "$6$salt$hash", 20000)
    assert changed == SHADOW.replace(b"root:*:0:", b"root:$6$salt$hash:20000:")


def test_a_file_without_a_final_newline_stays_one():
    assert shadow.with_password(b"app::", "app", "$6$x", 1) == b"app:$6$x:1"


@pytest.mark.parametrize("text", [b"", b"root\n", b"#root:*:0:\n", b"rooty:*:0:\n"])
def test_an_absent_user_is_told_from_an_unchanged_file(text):
    assert shadow.with_password(text, "root", "$6$x", 1) is None
