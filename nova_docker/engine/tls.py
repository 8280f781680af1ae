"""How the way to an engine over TCP is secured.

Whoever can talk to an engine is root on its host, so an engine over TCP is
spoken to under TLS, with its certificate and its host name verified, unless the
operator asks for the opposite.
"""

import dataclasses
import os
import re

from nova_docker import exception

# What OpenSSL says of a handshake -> what the operator can do about it.
_ADVICE = (
    (r'certificate has expired', 'the certificate of the engine has expired: renew it'),
    (r'hostname mismatch|IP address mismatch|doesn.t match',
     'the certificate of the engine is for another host: use its name in [docker]/engine_url, '
     'or give the engine a certificate with this name'),
    (r'CERTIFICATE_VERIFY_FAILED',
     'the certificate of the engine was not signed by the authority in [docker]/tls_ca_file'),
    (r'alert certificate required|alert bad certificate|alert unknown ca|'
     r'alert certificate expired|alert certificate unknown|handshake failure',
     'the engine does not accept the client certificate: check [docker]/tls_cert_file and '
     'tls_key_file'),
    (r'WRONG_VERSION_NUMBER|wrong version number|record layer failure',
     'the engine at this port does not speak TLS: start dockerd with --tlsverify'),
)


@dataclasses.dataclass(frozen=True)
class Security:
    """What secures the way to an engine.

    :param ca_file: path of the authority (PEM) that signs the engine's certificate
    :param cert_file: path of the client certificate (PEM)
    :param key_file: path of its private key (PEM)
    :param insecure_tcp: whether TCP without TLS is allowed
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure_tcp: bool = False

    def check(self, url: str) -> None:
        """Refuse what cannot work or is not safe, before any connection.

        :raises EngineMisconfigured: naming the option to change
        """
        reason = self._unusable() or self._unsafe(url)
        if reason:
            raise exception.EngineMisconfigured(reason=reason)

    def _unusable(self) -> str | None:
        if bool(self.cert_file) != bool(self.key_file):
            return 'tls_cert_file and tls_key_file go together: set both or neither'
        if self.cert_file and not self.ca_file:
            return 'tls_cert_file needs tls_ca_file, which turns TLS on'
        for option in ('ca_file', 'cert_file', 'key_file'):
            path = getattr(self, option)
            if path and not os.access(path, os.R_OK):
                return f'tls_{option} = {path} cannot be read by the user of nova-compute'
        return None

    def _unsafe(self, url: str) -> str | None:
        if not url.startswith('tcp://'):
            if self.ca_file:
                return f'tls_ca_file is set, and {url} is no tcp:// URL: TLS is for TCP'
            return None
        if self.ca_file or self.insecure_tcp:
            return None
        return (f'{url} is TCP without TLS: whoever reaches that port is root on this host. '
                f'Set tls_ca_file, tls_cert_file and tls_key_file, or insecure_tcp = true '
                f'if nobody else can reach it')


def is_refusal(error: BaseException) -> bool:
    """Whether an error of ``requests`` comes from TLS.

    The SDK wraps what happens while it connects, so that only the text is left.
    """
    return bool(re.search(r'SSLError|SSLCert|\[SSL|alert', str(error)))


def advice(error: BaseException) -> str:
    """What a TLS error means and what to do about it."""
    text = str(error)
    for pattern, meaning in _ADVICE:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    return text
