"""Certificates for servers that speak TLS."""

import subprocess
from pathlib import Path


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _make_certificate(
    certificate: Path, key: Path, subject: str, extensions: str, *signed_by: str | Path
) -> None:
    request, extension_file = certificate.with_suffix(".csr"), certificate.with_suffix(".cnf")
    extension_file.write_text(extensions)
    _openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", subject, "-keyout", key, "-out", request,
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", request, *signed_by, "-days", "2",
        "-extfile", extension_file, "-out", certificate,
    )  # fmt: skip


_AUTHORITY_EXTENSIONS = """
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


_SERVER_EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = """


def certificates(
    folder: Path, name: str, names: str = "DNS:localhost, IP:127.0.0.1"
) -> tuple[Path, Path, Path]:
    """Make an authority and a certificate of it for `names`: (authority, certificate, key).

    With every extension that RFC 5280 asks for: Python 3.13 and later insist on them. Nodes of a cluster are
    each other's clients, too.
    """
    authority, authority_key, certificate, key = (
        folder / f"{name}-{part}.pem" for part in ("ca", "ca-key", "crt", "key")
    )
    _make_certificate(
        authority, authority_key, f"/CN={name}", _AUTHORITY_EXTENSIONS, "-signkey", authority_key
    )
    signed_by = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial")
    _make_certificate(certificate, key, "/CN=localhost", _SERVER_EXTENSIONS + names, *signed_by)
    _openssl("verify", "-x509_strict", "-CAfile", authority, certificate)
    return authority, certificate, key
