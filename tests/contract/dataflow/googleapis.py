"""www.googleapis.com on loopback, for TensorFlow's own reader and writer of gs://, which knows no other host.

A proxy for HTTPS, as a company has one: it ends the encryption by a certificate of its own and passes the
requests on to the storage emulator. TensorFlow is not patched: it is configured by the variables of libcurl.
"""

import datetime
import http.client
import http.server
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORWARDED = "Forwarded"
"""Whose request it is, in a request that was passed on: `for="127.0.0.1:PORT"`."""
_NOT_PASSED_ON = {"connection", "proxy-connection", "host", "transfer-encoding", "content-length"}


@contextmanager
def tensorflow_at(emulator: str, folder: Path, proxy: str = "loopback") -> Iterator[dict[str, str]]:
    """Lead the gs:// of TensorFlow, in a process with the variables that are yielded, to the emulator.

    Args:
        emulator: Its address.
        folder: Where the certificate is written.
        proxy: Its name, which it adds to each request, as proxies do: `Via: 1.1 NAME`.

    Yields:
        The variables of the environment that do it.
    """
    certificate = folder / "googleapis.pem"
    certificate.write_bytes(_certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _proxy(context, emulator, proxy))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    variables = {
        "https_proxy": f"http://127.0.0.1:{server.server_port}",
        "CURL_CA_BUNDLE": str(certificate),
        "NO_GCE_CHECK": "true",  # else it looks for a metadata server first
    }
    try:
        yield variables
    finally:
        server.shutdown()
        server.server_close()


def _certificate() -> bytes:
    """A key and a certificate for *.googleapis.com, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - day, now + day
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.googleapis.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + signed.public_bytes(serialization.Encoding.PEM)


def _proxy(context: ssl.SSLContext, emulator: str, proxy: str) -> type[http.server.BaseHTTPRequestHandler]:
    there = urllib.parse.urlsplit(emulator)

    class Quiet(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """The emulator keeps what was asked."""

    class Inside(Quiet):
        """The requests inside the encrypted connection."""

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(there.hostname or "", there.port)
            by = f'for="{self.client_address[0]}:{self.client_address[1]}"'
            headers = _kept(self.headers.items()) | {FORWARDED: by, "Via": f"1.1 {proxy}"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.answer(answer.status, _kept(answer.getheaders()), content)

        def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = pass_on  # noqa: N815 - http.server's names

    class Outside(Quiet):
        """Opens connections."""

        def do_CONNECT(self) -> None:
            self.send_response_only(200)
            self.end_headers()
            with context.wrap_socket(self.connection, server_side=True) as encrypted:
                Inside(encrypted, self.client_address, self.server)
            self.close_connection = True

    return Outside


def _kept(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in _NOT_PASSED_ON}
