"""Google's REST APIs, read through google-auth's own session; calls are repeated while a service is busy.

Nothing is changed: the calls by POST (policies, permissions) only read.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from components.shared.gcp.endpoints import anonymous, emulator

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_SECONDS = 15.0
_PAGES = 50
"""The most pages of a list: more is a fault of ours."""
_BUSY = (429, 500, 502, 503, 504)


class ApiError(Exception):
    """A request that Google answered with an error, which a check judges."""

    def __init__(self, host: str, status: int, message: str, reason: str) -> None:
        super().__init__(host, status, message, reason)
        self.host, self.status, self.message, self.reason = host, status, message, reason

    @property
    def api_is_off(self) -> bool:
        """Whether the API is not enabled in the project."""
        return self.reason == "SERVICE_DISABLED" or "has not been used in project" in self.message


class NoAnswerError(Exception):
    """A request without an answer, or without credentials."""


@dataclass
class Google:
    """A client of Google's REST APIs.

    Every request raises ApiError where an API answers with an error, and NoAnswerError where none answers.
    """

    stand_in: str = field(default_factory=lambda: emulator("googleapis"))
    """A server for tests that answers `ADDRESS/HOST/PATH`, where nobody logs in; empty: Google's own."""
    caller: str = field(default="", init=False)
    """Who asks, as a member of a policy (`user:…`, `serviceAccount:…`); empty before `log_in`."""

    def log_in(self) -> str:
        """Find the caller's credentials and prove them; returns the caller as a member of policies.

        Raises:
            NoAnswerError: There are none, or they are not accepted.
        """
        from google.auth.exceptions import GoogleAuthError

        try:
            if not self.stand_in:
                from google.auth.transport.requests import Request

                self._credentials.refresh(Request())
        except GoogleAuthError as error:
            raise NoAnswerError(str(error).split(". ", maxsplit=1)[0]) from error
        self.caller = _member(self._credentials)
        return self.caller

    def get(self, host: str, path: str, **query: Any) -> dict[str, Any]:
        """The JSON at a path of an API."""
        return self._ask("GET", host, path, query)

    def find(self, host: str, path: str, **query: Any) -> dict[str, Any] | None:
        """The JSON at a path of an API; None where nothing is (404)."""
        try:
            return self.get(host, path, **query)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def post(
        self, host: str, path: str, content: dict[str, Any] | None = None, **query: Any
    ) -> dict[str, Any]:
        """What a path of an API answers to some JSON; None: to a request without a body."""
        return self._ask("POST", host, path, query, content)

    def pages(self, host: str, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
        """All entries of a list that comes in pages."""
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        for _ in range(_PAGES):
            answer = self.get(host, path, **query, **token)
            found += answer.get(key, [])
            if not answer.get("nextPageToken"):
                return found
            token = {"pageToken": answer["nextPageToken"]}
        raise NoAnswerError(f"{host} has more than {_PAGES} pages of {key}")

    def _ask(
        self, verb: str, host: str, path: str, query: dict[str, Any], content: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        import requests
        from google.auth.exceptions import GoogleAuthError

        url = f"{self.stand_in.rstrip('/')}/{host}{path}" if self.stand_in else f"https://{host}{path}"
        url += f"?{urlencode(query, doseq=True)}" if query else ""
        try:
            answer = self._session.request(verb, url, json=content, timeout=_SECONDS)
        except (requests.RequestException, GoogleAuthError) as error:
            raise NoAnswerError(f"{host} does not answer ({type(error).__name__})") from error
        if answer.status_code >= 400:
            raise _api_error(host, answer)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    @cached_property
    def _credentials(self) -> Any:
        import google.auth

        if self.stand_in:
            return anonymous()
        credentials, _ = google.auth.default(scopes=_SCOPES)
        return credentials

    @cached_property
    def _session(self) -> Any:
        from google.auth.transport.requests import AuthorizedSession
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        session = AuthorizedSession(self._credentials)  # type: ignore[no-untyped-call]  # google-auth
        again = Retry(
            total=4, backoff_factor=0.3, status_forcelist=_BUSY, allowed_methods=None, raise_on_status=False
        )
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=again, pool_maxsize=16))
        return session


def _api_error(host: str, answer: Any) -> ApiError:
    try:
        error = answer.json()["error"]
        details = error.get("details", [])
        reason = next((each["reason"] for each in details if "reason" in each), "")
        message = str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        message, reason = f"HTTP {answer.status_code}", ""
    return ApiError(host, answer.status_code, message, reason)


def _member(credentials: Any) -> str:
    """Whose credentials these are, where they say so."""
    account = getattr(credentials, "service_account_email", "")
    if account and account != "default":
        return f"serviceAccount:{account}"
    return f"user:{getattr(credentials, 'account', '') or 'YOU'}"
