"""TLS to an API server: what is trusted, the client certificate, and the context that Python makes of both.

The rules are those of client-go where Python's own are stricter: any certificate of an authority's file is trusted,
also one that is not self-signed, and a certificate need not have the extensions that Python 3.13 demands.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re

_log = logging.getLogger(__name__)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_unverified: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server is recognised, and how it recognises the client.

    Attributes:
        authority: PEM of the certificates that are trusted; `None` for those of the system.
        certificate: PEM of the client certificate and its chain; `None` for none.
        key: PEM of the client certificate's key.
        server_name: The name that the server's certificate must have; `None` for the host in the server's URL.
        insecure: True when the server's certificate is not verified.
        any_name: True when the server's certificate may have any name.
    """

    authority: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None
    insecure: bool = False
    any_name: bool = False

    __repr__ = repr_of_fields

    def context(self, origin: str) -> ssl.SSLContext:
        """Return the context for connections to the server.

        Args:
            origin: Where the certificates come from, in words.

        Raises:
            NotConfigured: The authority has no certificate, or the client certificate cannot be used.
        """
        context = self._trusting(origin)
        if self.certificate is not None:
            self._load_certificate(context, origin)
        return context

    def proxy_context(self, origin: str) -> ssl.SSLContext:
        """Return the context for connections to an `https://` proxy, which never sees the client certificate.

        The authorities of the system are trusted beside that of the cluster.
        """
        context = self._trusting(origin)
        if self.authority is not None and not self.insecure:
            context.load_default_certs()
        return context

    def _trusting(self, origin: str) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=_certificates(self.authority, origin))
        except ssl.SSLError as error:
            raise NotConfigured(
                f"The certificate-authority of {origin} cannot be used ({error.reason or error}). Correct it."
            ) from None
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.authority is None and not _system_has_authorities():
            _trust_mozillas(context)
        if self.insecure or self.any_name:
            context.check_hostname = False
        if self.insecure:
            context.verify_mode = ssl.CERT_NONE
        return context

    def _load_certificate(self, context: ssl.SSLContext, origin: str) -> None:
        # Python reads certificates from files only. These are readable by nobody else, and gone after the call.
        try:
            with TemporaryDirectory(prefix="kubeflow-") as folder:
                certificate, key = Path(folder, "certificate"), Path(folder, "key")
                certificate.write_bytes(self.certificate or b"")
                key.write_bytes(self.key or b"")
                # A key with a passphrase would be asked for at the terminal. client-go takes none either.
                context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            raise NotConfigured(
                f"The client certificate of {origin} cannot be used ({error.reason or error}): certificate and key "
                "must be PEM, belong together, and have no passphrase. Correct them, or log in to the cluster again."
            ) from None
        except OSError as error:
            raise NotConfigured(
                f"The client certificate of {origin} needs a folder for temporary files, and there is none "
                f"({error.strerror}). Set TMPDIR to a folder that can be written."
            ) from error


def warn_unverified(server: str, origin: str) -> None:
    """Log that the certificate of a server is not verified, once for each server."""
    first = object()
    if _unverified.setdefault(server, first) is not first:
        return
    _log.warning(
        "the certificate of %s is not verified, so that anybody between can read what is sent, tokens included: it is "
        "switched off in %s (insecure-skip-tls-verify). Give certificate-authority instead.",
        server,
        origin,
    )


def _certificates(pem: bytes | None, origin: str) -> str | None:
    """Return the certificates of a PEM file without what stands between them."""
    if pem is None:
        return None
    found = _CERTIFICATE.findall(pem)
    if not found:
        raise NotConfigured(
            f"The certificate-authority of {origin} has no certificate in PEM (BEGIN CERTIFICATE). Correct it."
        )
    return b"\n".join(found).decode("ascii", "replace")


def _system_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def _trust_mozillas(context: ssl.SSLContext) -> None:
    """Trust Mozilla's authorities where a small image has none of its own."""
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())
