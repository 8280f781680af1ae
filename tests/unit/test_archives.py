"""Images of Glance reach the engine whole, verified, or not at all.

Nova's own client downloads; only what answers it is replaced.
"""

import base64
import errno
import threading
from typing import Any
from unittest import mock

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cursive import exception as cursive_exception
from glanceclient.common import utils as glance_utils
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
import nova.conf
from nova.image import glance
from oslo_config import fixture as config_fixture
import pytest
import requests

from nova_docker import archives as image_archives
from nova_docker import conf as docker_conf
from nova_docker import exception
from nova_docker.translate import archive
from tests import archives
from tests.fakes.engine import FakeEngine

TAG = "nova-docker.invalid/glance:1"
IMAGE = archives.Image(files={"/bin/x": b"x" * 300_000}, command=["/bin/x"], tags=["evil:1"])
ARCHIVE = IMAGE.archive()


class Client:
    """Answers Nova's calls as a Glance would."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.properties: dict[str, str] = {}

    def call(self, context: Any, version: int, method: str, args: Any = None, **more: Any) -> Any:
        assert method == "data"
        return _Body(self.answers.pop(0), 0)

    def show(self, context: Any, image_id: str, **more: Any) -> dict[str, Any]:
        return {"id": image_id, "properties": self.properties}


class _Body(glance_utils.IterableWithLength):
    """Nova looks whether there is any data."""

    wrapped = True


@pytest.fixture(autouse=True)
def settings():
    with config_fixture.Config(nova.conf.CONF) as config:
        docker_conf.register_opts(nova.conf.CONF)
        config.config(group="glance", num_retries=1)
        objects.register_all()
        yield config


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def load(engine: FakeEngine, client: Client):
    made = image_archives.Archives(engine)
    service = glance.GlanceImageServiceV2(client)
    service.show = client.show
    with mock.patch("nova.image.glance.get_default_image_service", return_value=service), \
            mock.patch("nova.image.glance.get_remote_image_service",
                       side_effect=lambda context, image: (service, image)):
        yield lambda **more: made.load(
            nova_context.get_admin_context(), "image", TAG, archive.Allowance(), **more)


def breaking(error: Exception, content: bytes = ARCHIVE):
    yield from archives.pieces(content)
    raise error


def test_an_archive_is_loaded_under_its_private_tag(load, engine: FakeEngine, client: Client):
    client.answers = [archives.pieces(ARCHIVE)]
    load()
    assert engine.inspect_image(TAG)["Id"] == IMAGE.id
    assert engine.inspect_image(TAG)["RepoTags"] == [TAG]


@pytest.mark.parametrize("of", ["Hash", "Checksum"])  # os_hash_value, and MD5 where there is none
def test_data_that_its_checksum_does_not_match_is_refused(
        load, engine: FakeEngine, client: Client, of: str):
    client.answers = [breaking(OSError(errno.EPIPE, f"Corrupt image download. {of} was 1 ..."))]
    with pytest.raises(nova_exception.ImageUnacceptable, match="checksum"):
        load()
    assert engine.store.images == {}


def test_a_download_that_breaks_off_is_begun_anew(load, engine: FakeEngine, client: Client):
    lost = requests.exceptions.ChunkedEncodingError("connection broken")
    client.answers = [breaking(lost, ARCHIVE[:100_000]), archives.pieces(ARCHIVE)]
    load()
    assert engine.inspect_image(TAG)["Id"] == IMAGE.id


def test_a_download_that_breaks_off_again_and_again_fails(
        load, engine: FakeEngine, client: Client):
    lost = requests.exceptions.ConnectionError("connection broken")
    client.answers = [breaking(lost), breaking(lost), archives.pieces(ARCHIVE)]
    with pytest.raises(exception.ImageDownloadFailed, match="connection broken"):
        load()
    assert engine.store.images == {}
    assert len(client.answers) == 1


def test_a_silent_glance_is_given_up(load, settings, client: Client):
    never = threading.Event()

    def silent():
        yield ARCHIVE[:1000]
        never.wait(60)

    settings.config(group="docker", stream_timeout=1)
    settings.config(group="glance", num_retries=0)
    client.answers = [silent()]
    with pytest.raises(exception.ImageDownloadFailed, match="nothing came"):
        load()
    never.set()


def test_an_error_of_the_engine_ends_the_download(load, engine: FakeEngine, client: Client):
    engine.fail("load_image", exception.ImageLoadFailed(action="load", reason="disk full"))
    before = set(threading.enumerate())
    client.answers = [archives.pieces(ARCHIVE * 100)]
    with pytest.raises(exception.ImageLoadFailed, match="disk full"):
        load()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


# Signatures, made and checked by the real code; only the certificate is no Barbican's.

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048, backend=default_backend())


def signed(content: bytes) -> dict[str, str]:
    signature = KEY.sign(content, padding.PSS(
        mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH), hashes.SHA256())
    return {"img_signature": base64.b64encode(signature).decode(),
            "img_signature_hash_method": "SHA-256", "img_signature_key_type": "RSA-PSS",
            "img_signature_certificate_uuid": "11111111-2222-3333-4444-555555555555"}


@pytest.fixture
def signatures(settings):
    settings.config(group="glance", verify_glance_signatures=True)
    with mock.patch("cursive.signature_utils.get_public_key", return_value=KEY.public_key()):
        yield


def test_a_signed_image_is_loaded(signatures, load, engine: FakeEngine, client: Client):
    client.properties = signed(ARCHIVE)
    client.answers = [archives.pieces(ARCHIVE)]
    load()
    assert engine.inspect_image(TAG)["Id"] == IMAGE.id


def test_an_image_with_the_signature_of_another_is_refused(
        signatures, load, engine: FakeEngine, client: Client):
    client.properties = signed(ARCHIVE + b"\0")
    client.answers = [archives.pieces(ARCHIVE)]
    with pytest.raises(nova_exception.ImageUnacceptable, match="signature"):
        load()
    assert engine.store.images == {}


def test_an_image_without_a_signature_is_refused_where_one_is_asked_for(
        signatures, load, engine: FakeEngine, client: Client):
    client.answers = [archives.pieces(ARCHIVE)]
    with pytest.raises(cursive_exception.SignatureVerificationError):
        load()
    assert engine.store.images == {}


def test_a_certificate_that_the_user_does_not_trust_is_refused(
        signatures, load, engine: FakeEngine, client: Client):
    client.properties = signed(ARCHIVE)
    client.answers = [archives.pieces(ARCHIVE)]
    wrong = cursive_exception.SignatureVerificationError(reason="not trusted")
    with mock.patch("cursive.certificate_utils.verify_certificate", side_effect=wrong), \
            pytest.raises(nova_exception.CertificateValidationFailed):
        load(certificates=objects.TrustedCerts(ids=["another"]))
    assert engine.store.images == {}
