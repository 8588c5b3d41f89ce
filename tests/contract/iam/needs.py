"""What a call asks for: the permissions that Google checks, and on what."""

import functools
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.contract.iam import statements
from tests.contract.iam.calls import Call
from tests.contract.vertex.routes import routes

PERMISSIONS = Path(__file__).with_name("permissions.yaml")
_ACT_AS = "iam.serviceAccounts.actAs"
_OPERATION = re.compile(r"/(v1|ui)/projects/[^/]+/locations/[^/]+/(?:[^:]+/)?operations/[^/]+")
_PART = re.compile(rb"^(GET|POST|PATCH|DELETE) (?:https?://[^/\s]+)?(/\S+)", re.MULTILINE)
"""A call within a batch of calls."""


class UnknownCallError(Exception):
    """permissions.yaml does not have it."""


@dataclass(frozen=True, order=True)
class Need:
    """A permission of an account on something, in the words of the matrix."""

    who: str
    where: str
    permission: str

    def __str__(self) -> str:
        """For a reader."""
        return f"{self.who}: {self.permission} on {self.where}"


@dataclass(frozen=True)
class Method:
    """A row of permissions.yaml that is known by its path."""

    verb: str
    path: re.Pattern[str]
    permissions: tuple[str, ...]


def needs(call: Call, project: str) -> set[Need]:
    """What a call asks for.

    Args:
        call: Any of them.
        project: The project's id, by which buckets begin.

    Raises:
        UnknownCallError: Nothing is known of this method.
    """
    found = _of_vertex(call) if call.service == "vertex" else _of_path(call, project)
    return {Need(call.who, where, permission) for where, permission in found}


def _of_path(call: Call, project: str) -> Iterator[tuple[str, str]]:
    method, names = _method(call)
    where = _where(names, project)
    for permission in method.permissions:
        yield where, permission
    if call.service == "storage" and call.body and "/batch/" in call.target:
        for verb, target in _PART.findall(call.body):
            yield from _of_path(Call(call.who, "storage", verb.decode(), target.decode(), b""), project)
    if call.service == "bigquery" and call.body and method.permissions == ("bigquery.jobs.create",):
        for where, permission in statements.needs(call.body, table()["statements"]):
            yield _short(where, project), permission
    if call.service == "dataflow" and call.verb == "POST":
        yield from _acting(json.loads(call.body)["environment"].get("serviceAccountEmail"))


def _of_vertex(call: Call) -> Iterator[tuple[str, str]]:
    rpc = _rpc(call)
    if rpc not in table()["vertex"]:
        raise _unknown(call, rpc)
    for permission in table()["vertex"][rpc]:
        yield "project", permission
    body: Mapping[str, Any] = json.loads(call.body) if call.body else {}
    yield from _acting(body.get("serviceAccount") or body.get("deployedModel", {}).get("serviceAccount"))


def _acting(account: str | None) -> Iterator[tuple[str, str]]:
    if account:
        yield f"account/{account.partition('@')[0]}", _ACT_AS


def _rpc(call: Call) -> str:
    path = urllib.parse.unquote(urllib.parse.urlsplit(call.target).path)
    if _OPERATION.fullmatch(path):
        return "GetOperation"
    for route in routes():
        if route.verb == call.verb and route.pattern.fullmatch(path):
            return route.method.name
    raise _unknown(call, path)


def _method(call: Call) -> tuple[Method, Mapping[str, str]]:
    path = urllib.parse.urlsplit(call.target).path
    for method in _methods(call.service):
        found = method.path.fullmatch(path)
        if found and method.verb == call.verb:
            return method, found.groupdict()
    raise _unknown(call, path)


def _unknown(call: Call, what: str) -> UnknownCallError:
    return UnknownCallError(f"{call.who} called {call.service}: {call.verb} {what}: no line in {PERMISSIONS}")


def _where(names: Mapping[str, str], project: str) -> str:
    for kind in ("bucket", "dataset"):
        if kind in names:
            return _short(f"{kind}/{names[kind]}", project)
    return "project"


def _short(where: str, project: str) -> str:
    """Buckets begin with the project's id, which the matrix leaves out."""
    return where.replace(f"bucket/{project}-", "bucket/")


@functools.cache
def _methods(service: str) -> tuple[Method, ...]:
    found = []
    for key, permissions in table()[service].items():
        verb, template = key.split(" ")
        found.append(Method(verb, _pattern(template), tuple(permissions)))
    return tuple(found)


def _pattern(template: str) -> re.Pattern[str]:
    """Each name once as a group; an object's name may have slashes in the XML API alone."""
    seen: set[str] = set()

    def group(name: re.Match[str]) -> str:
        content = ".+" if template == "/{bucket}/{object}" and name[1] == "object" else "[^/]+"
        if name[1] in seen:
            return content
        seen.add(name[1])
        return f"(?P<{name[1]}>{content})"

    return re.compile(re.sub(r"\\?\{(\w+)\\?\}", group, template))


@functools.cache
def table() -> dict[str, Any]:
    """permissions.yaml."""
    found: dict[str, Any] = yaml.safe_load(PERMISSIONS.read_text())
    return found
