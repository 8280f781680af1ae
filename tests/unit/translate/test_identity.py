"""Keys, accounts, machine ids and the paths of injected files."""

from nova import exception as nova_exception
import pytest

from nova_docker.translate import identity

KEY = "ssh-ed25519 AAAAC3Nza someone@laptop"
PASSWD = (b"root:x:0:0:root:/root:/bin/sh\n\napp:x:1000:50::/home/app/:/bin/sh\n"
          b"bad:x:a:b:/:/\nnone:x:1:1::")


@pytest.mark.parametrize(("user", "found"), [
    ("root", identity.Account("root", 0, 0, "/root")),
    ("app", identity.Account("app", 1000, 50, "/home/app")),
    ("bad", None), ("absent", None), ("", None)])
def test_a_user_is_looked_up_in_the_images_passwd(user, found):
    assert identity.account(PASSWD, user) == found


def test_a_user_without_a_home_lives_at_the_root():
    assert identity.account(b"a:x:1:1:::\n", "a") == identity.Account("a", 1, 1, "/")


@pytest.mark.parametrize(("before", "after"), [
    (b"", f"{KEY}\n"),
    (b"ssh-rsa other", f"ssh-rsa other\n{KEY}\n"),
    (f"# {KEY}\n".encode(), f"# {KEY}\n{KEY}\n"),
    (b"ssh-ed25519 AAAAC3Nza another comment\n", "ssh-ed25519 AAAAC3Nza another comment\n"),
    (b'no-pty ssh-ed25519 AAAAC3Nza\n', "no-pty ssh-ed25519 AAAAC3Nza\n"),
])
def test_the_key_is_there_exactly_once(before, after):
    assert identity.with_key(before, KEY + "\n") == after.encode()
    assert identity.with_key(after.encode(), KEY) == after.encode()


def test_a_certificate_is_no_key_for_ssh():
    assert identity.is_ssh_key(KEY)
    assert not identity.is_ssh_key("-----BEGIN CERTIFICATE-----\n")
    assert not identity.is_ssh_key("")


def test_the_machine_id_is_the_uuid_without_dashes():
    assert identity.machine_id("0B5F1D5e-0000-4000-8000-00000000000a") == (
        b"0b5f1d5e000040008000" + b"00000000000a\n")


@pytest.mark.parametrize(("path", "absolute"), [
    ("/etc/motd", "/etc/motd"), ("etc//motd", "/etc/motd"), ("/mnt/configs", "/mnt/configs")])
def test_a_file_is_injected_where_the_user_says(path, absolute):
    assert identity.injected_path(path, identity.DRIVE_PATHS) == absolute


@pytest.mark.parametrize("path", [
    "", "/", "/etc/", "/etc/../shadow", "/a/./b", "/new\nline", "/nul\0", "/" + "x" * 256,
    "/proc/1/x", "/dev/null", "/sys/x", "/etc/hosts", "/mnt/config/x", "/mnt/config"])
def test_an_absurd_path_is_refused_with_what_to_do(path):
    with pytest.raises(nova_exception.InvalidInput, match=r"choose another path.*: it ") as raised:
        identity.injected_path(path, identity.DRIVE_PATHS)
    assert len(str(raised.value)) < 250
