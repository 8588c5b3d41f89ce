"""Google's On-Demand Scanning on loopback, for the unmodified gcloud with a service account of its own."""

import datetime
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_SCAN = "projects/my-project-test/locations/us/scans/1"
_RESPONSE = "type.googleapis.com/google.cloud.ondemandscanning.v1.AnalyzePackagesResponse"


@dataclass
class Scanner:
    """What images were sent, and what is known of their packages."""

    url: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    """gcloud's way here."""
    packages: list[dict[str, Any]] = field(default_factory=list)
    """As gcloud has found them in the image."""
    known: list[dict[str, Any]] = field(default_factory=list)
    """Occurrences: the answer."""

    def knows(self, cve: str, severity: str, package: str, fixed: str = "") -> None:
        """One more vulnerability."""
        issue = {
            "affectedPackage": package,
            "affectedVersion": {"kind": "NORMAL", "fullName": "1.0-1"},
            "fixedVersion": {"kind": "NORMAL", "fullName": fixed} if fixed else {"kind": "MAXIMUM"},
            "fixAvailable": bool(fixed),
            "effectiveSeverity": severity,
        }
        vulnerability = {"severity": severity, "effectiveSeverity": severity, "packageIssue": [issue]}
        note = f"projects/goog-vulnz/notes/{cve}"
        self.known.append({"kind": "VULNERABILITY", "noteName": note, "vulnerability": vulnerability})

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Tokens, scans that are done at once, and what they found."""
        if path == "/token":
            return {"access_token": "of-nobody", "expires_in": 3600, "token_type": "Bearer"}
        if method == "POST":
            self.packages = json.loads(body).get("packages", [])
            return {"name": "projects/my-project-test/locations/us/operations/1", "done": False}
        if "/operations/" in path:
            response = {"@type": _RESPONSE, "scan": _SCAN}
            return {"name": path.rpartition("/v1/")[2], "done": True, "response": response}
        return {"occurrences": self.known}


class Handler(http.server.BaseHTTPRequestHandler):
    """JSON in and out."""

    def __init__(self, scanner: Scanner, *arguments: Any) -> None:
        self.scanner = scanner
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """What is asked for."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = json.dumps(self.scanner.answer(self.command, self.path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@contextmanager
def scanning(folder: Path) -> Iterator[Scanner]:
    """The service, knowing of nothing, while the block runs."""
    made = Scanner()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, made)) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        (folder / "key.json").write_text(json.dumps(_key(made.url)))
        made.variables = {
            "CLOUDSDK_CONFIG": str(folder / "gcloud"),
            "CLOUDSDK_CORE_PROJECT": "my-project-test",
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": str(folder / "key.json"),
            "CLOUDSDK_AUTH_TOKEN_HOST": f"{made.url}/token",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_ONDEMANDSCANNING": f"{made.url}/",
        }
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


def _key(url: str) -> dict[str, str]:
    """A service account that only this server knows."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "my-project-test",
        "private_key_id": "1",
        "private_key": private.decode(),
        "client_email": "delivery@my-project-test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
    }


TOMORROW = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).date()
YESTERDAY = TOMORROW - datetime.timedelta(days=2)
