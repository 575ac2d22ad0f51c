"""https: a certificate that is not trusted is refused for good, one that is trusted is not, and a name must fit."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from stormcell.data.sources import BusyError, SourceError, Web
from tests.data.sources.server import serving


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A server on https, and the file of its certificate for 127.0.0.1."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.pages["/page"] = b"whole"
        yield server.url.replace("http:", "https:"), trusted


def test_a_certificate_that_is_not_trusted(secure):
    url, _ = secure
    with pytest.raises(SourceError, match="certificate is not valid") as refusal:
        Web(frozenset({url})).page(url + "/page")
    assert not isinstance(refusal.value, BusyError)


def test_a_certificate_that_is_trusted(secure, monkeypatch):
    url, trusted = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert Web(frozenset({url})).page(url + "/page") == b"whole"
    elsewhere = url.replace("127.0.0.1", "localhost")
    with pytest.raises(SourceError, match="certificate is not valid"):
        Web(frozenset({elsewhere})).page(elsewhere + "/page")


def test_http_is_another_origin_than_https(secure):
    url, _ = secure
    with pytest.raises(SourceError, match="may ask only https"):
        Web(frozenset({url})).page(url.replace("https:", "http:") + "/page")
