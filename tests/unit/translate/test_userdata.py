"""What a user may say of an open image, and what is said of mistakes."""

import base64
import textwrap

from hypothesis import given
from hypothesis import strategies as st
from nova import exception as nova_exception
import pytest

from nova_docker.translate import userdata


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def parse(text: str) -> tuple[str, userdata.Process]:
    return userdata.parse(encoded("#docker\n" + textwrap.dedent(text)))


def fault(text: str) -> str:
    with pytest.raises(nova_exception.InvalidInput) as error:
        parse(text)
    return str(error.value)


def test_an_image_alone_is_run_as_it_is():
    assert parse("image: nginx:1.27") == ("nginx:1.27", userdata.Process())


def test_everything_can_be_said():
    assert parse("""\
        image: quay.io/a/b@sha256:%s
        entrypoint: [/bin/sh, -c]
        cmd: echo "a b" c
        env:
          VERSION: 1.10
          DEBUG: on
          EMPTY: ""
        workdir: /srv
        user: 10:20
        """ % ("0" * 64)) == ("quay.io/a/b@sha256:" + "0" * 64, userdata.Process(
            command=("echo", "a b", "c"), entrypoint=("/bin/sh", "-c"),
            environment={"VERSION": "1.10", "DEBUG": "on", "EMPTY": ""},
            workdir="/srv", user="10:20"))


def test_the_environment_can_be_a_list_as_docker_s():
    assert parse("image: a\nenv: [A=1, B=x=y]")[1].environment == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize(("text", "mistake"), [
    ("", "image is missing"),
    ("- a", "no mapping"),
    ("image: a\ncommand: b", "there is no key 'command'"),
    ("image: a\nimage: b", "line 3: a key is no text or is there twice"),
    ("image: [a", "line 2: expected"),
    ("image: &a x\ncmd: *a", "aliases are not taken"),
    ("image: a\n---\nimage: b", "another document"),
    ("image: Not A Reference", "image 'Not A Reference' is no reference"),
    ("image: http://a.org/b", "is no reference"),
    ("image:", "image must be text"),
    ("image: [a]", "image must be text"),
    ("image: '*'", "is no reference"),
    ("image: a\ncmd: sh -c 'x", "cmd cannot be split into words: No closing quotation"),
    ("image: a\ncmd: []", "cmd must be text or a list"),
    ("image: a\nentrypoint: {a: b}", "entrypoint must be text or a list"),
    ("image: a\ncmd: [[a]]", "cmd must be text or a list"),
    ("image: a\nenv: [A]", "every line of the list env must be KEY=value"),
    ("image: a\nenv: {A: [b]}", "env must map names to texts"),
    ("image: a\nenv: {'A=B': c}", "env cannot have the name 'A=B'"),
    ("image: a\nworkdir: srv", "workdir 'srv' must begin with /"),
    ("image: a\nuser: 'a b'", "user 'a b' must be"),
    ('image: a\ncmd: ["\\0"]', "null character"),
    ("image: !!python/object/apply:os.system [id]", "image must be text"),
    ("image: " + "[" * 5000, "it is nested too deep"),
])
def test_a_mistake_is_named(text: str, mistake: str):
    assert mistake in fault(text)


def test_all_mistakes_are_named_at_once_with_the_keys_that_there_are():
    found = fault("image: A B\nworkdir: x\nfoo: 1")
    for part in ("'A B'", "workdir 'x'", "'foo'", "image, cmd, entrypoint, env, workdir, user"):
        assert part in found


@pytest.mark.parametrize("user_data", [
    None, "", encoded(""), encoded("#cloud-config\nimage: a"), encoded("image: a"),
    encoded("#dockerx\nimage: a")])
def test_without_the_mark_the_fault_says_how_to_begin(user_data: str | None):
    with pytest.raises(nova_exception.InvalidInput, match=r"begin the user data with.*#docker"):
        userdata.parse(user_data)


@pytest.mark.parametrize("user_data", ["%%%", base64.b64encode(b"\xff\xfe").decode()])
def test_what_is_no_text_is_a_mistake(user_data: str):
    with pytest.raises(nova_exception.InvalidInput, match="user data"):
        userdata.parse(user_data)


@given(st.text(alphabet="imagecdenv:#&*!|>-{}[]\"' \n\t/=\\0", max_size=60))
def test_whatever_is_said_it_is_understood_or_refused(text: str):
    try:
        reference, process = userdata.parse(encoded("#docker\n" + text))
    except nova_exception.InvalidInput:
        return
    assert isinstance(reference, str)
    assert all(isinstance(word, str) for word in process.command or ())
