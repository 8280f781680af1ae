"""An archive that is kept in Glance, brought onto the engine.

Nova's client compares what it downloads with the checksum that Glance has of it,
and with the signature where there is one.  It can do so only at the end, so
nothing that the engine could make an image of is sent before that.
"""

import typing as ty

import cryptography.exceptions
from nova import context as nova_context
from nova import exception as nova_exception
import nova.conf
from nova.image import glance
from nova.objects import trusted_certs as nova_trusted_certs
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import streams
from nova_docker.engine import client
from nova_docker.translate import archive

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

TrustedCerts: ty.TypeAlias = nova_trusted_certs.TrustedCerts | None


class Archives:
    """Loads archives."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self._glance = glance.API()

    def load(self, context: nova_context.RequestContext, image_id: str, tag: str,
             allowance: archive.Allowance, certificates: TrustedCerts = None) -> None:
        """Stream an image from Glance to the engine, under that tag alone.

        A download that breaks off is begun anew, as often as Nova does so with
        other requests to Glance.

        :param certificates: the certificates that may sign it, if the user named any
        :raises ImageUnacceptable: it is not what its checksum or signature says
        :raises ImageDownloadFailed: Glance does not give it
        :raises InvalidArchive, ImageTooLarge, ImageLoadFailed: what it is wrong with it
        """
        for left in reversed(range(CONF.glance.num_retries + 1)):
            try:
                self._load_once(context, image_id, tag, allowance, certificates)
                return
            except exception.ImageDownloadFailed as e:
                if not left:
                    raise
                LOG.warning('%s Beginning anew.', e)

    def _load_once(self, context: nova_context.RequestContext, image_id: str, tag: str,
                   allowance: archive.Allowance, certificates: TrustedCerts) -> None:
        def download(sink: streams.Pipe) -> None:
            _download(self._glance, context, image_id, sink, certificates)

        with streams.Writer(f'download-{image_id}', download,
                            patience=CONF.docker.stream_timeout) as pieces:
            try:
                self._engine.load_image(
                    archive.rewrite(pieces, tag, allowance, hasher=streams.Sha256))
            except streams.Silence as e:
                raise exception.ImageDownloadFailed(image_id=image_id, reason=str(e)) from e


def _download(api: glance.API, context: nova_context.RequestContext, image_id: str,
              sink: streams.Pipe, certificates: TrustedCerts) -> None:
    """Write an image's data into the sink, and raise if it is not what it should be.

    Given a file to write to, Nova's client checks the signature of the data that
    it writes; the iterator that it returns otherwise is exhausted by the check.
    """
    # So that the log lines of the thread carry the request's id.
    context.update_store()
    try:
        api.download(context, image_id, data=sink, trusted_certs=certificates)
    except cryptography.exceptions.InvalidSignature as e:
        raise nova_exception.ImageUnacceptable(
            image_id=image_id, reason='its data is not what its signature was made of') from e
    except OSError as e:
        if 'Corrupt image download' in str(e):
            raise nova_exception.ImageUnacceptable(
                image_id=image_id,
                reason=f'its data is not what its checksum in Glance was made of ({e})') from e
        raise exception.ImageDownloadFailed(image_id=image_id, reason=str(e)) from e
