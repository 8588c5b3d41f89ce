"""A Terraform provider that knows a schema and no cloud: plugin protocol 5 over gRPC.

Terraform sends it configurations and states, and has it in one of two ways: it starts it as it starts any
provider and reads its address from the first line of its output (`serve`), or an attached one gives it the
address (tests.infra.provider.attached), which costs a quarter. TLS is left out: TF_DISABLE_PLUGIN_TLS=1.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import grpc
import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.infra.provider import values
from tests.infra.provider.schema import Schema

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
"""What Terraform puts into TF_PLUGIN_MAGIC_COOKIE of the providers it starts; a public constant."""
_NESTINGS = {"single": 1, "list": 2, "set": 3, "map": 4}
_SERVING = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse with SERVING."""
Messages = Mapping[str, Any]


@cache
def messages(descriptors: Path) -> Messages:
    """The classes of plugin.proto, by name, from what protoc made of it."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    found = message_factory.GetMessageClassesForFiles([file.name for file in files.file], pool)
    return {name.removeprefix("tfplugin5."): message for name, message in found.items()}


class Provider:
    """Answers the calls of Terraform for one schema document (tests.infra.provider.schema.pruned)."""

    def __init__(self, schema: Schema, messages: Messages) -> None:
        self.schema = schema
        self.messages = messages
        self.project: str | None = None
        """Of the last configuration: Terraform's run blocks come one after the other."""

    def calls(self) -> dict[str, tuple[str, Callable[[Any], Any]]]:
        """Each call with the name of its request."""
        return {
            "GetSchema": ("Empty", self.get_schema),
            "PrepareProviderConfig": ("PrepareRequest", self.prepare),
            "Configure": ("ConfigureRequest", self.configure),
            "ValidateResourceTypeConfig": ("ValidateRequest", self.validate),
            "ValidateDataSourceConfig": ("ValidateRequest", self.accept),
            "UpgradeResourceState": ("UpgradeRequest", self.upgrade),
            "ReadResource": ("ReadRequest", self.read),
            "PlanResourceChange": ("PlanRequest", self.plan),
            "ApplyResourceChange": ("ApplyRequest", self.apply),
            "ReadDataSource": ("ValidateRequest", self.reject_data_source),
            "Stop": ("Empty", lambda _: self.messages["Empty"]()),
        }

    def get_schema(self, _: Any) -> Any:
        """The whole schema, in the wire's form; asked for by every command, several times."""
        return self._schema_message

    @cached_property
    def _schema_message(self) -> Any:
        answer = self.messages["ProviderSchema"]()
        self._fill(answer.provider, self.schema["provider"])
        for kind in ("resource_schemas", "data_source_schemas"):
            for name, schema in self.schema[kind].items():
                self._fill(getattr(answer, kind)[name], schema)
        return answer

    def prepare(self, request: Any) -> Any:
        """The provider's own configuration, as it is."""
        return self.messages["PrepareResponse"](prepared_config=request.config)

    def configure(self, request: Any) -> Any:
        """Keep the default project."""
        project = _decoded(request.config).get("project")
        self.project = None if values.is_unknown(project) else project
        return self.messages["DiagnosticsResponse"]()

    def validate(self, request: Any) -> Any:
        """Reject values that the documentation does not admit; names and types are checked by Terraform."""
        found = values.mistakes(self._block(request.type_name), _decoded(request.config))
        return self.messages["DiagnosticsResponse"](diagnostics=[self._diagnostic(one) for one in found])

    def accept(self, _: Any) -> Any:
        """No mistakes."""
        return self.messages["DiagnosticsResponse"]()

    def upgrade(self, request: Any) -> Any:
        """A stored state, as it is: the stub wrote it by the same schema."""
        state = self.messages["DynamicValue"](json=request.raw_state.json)
        return self.messages["UpgradeResponse"](upgraded_state=state)

    def read(self, request: Any) -> Any:
        """A resource's state, as it was stored."""
        return self.messages["ReadResponse"](new_state=request.current_state)

    def plan(self, request: Any) -> Any:
        """What is proposed, with unknowns for what the cloud would say; the end of a resource as it is."""
        proposed = _decoded(request.proposed_new_state)
        state = values.planned(self._block(request.type_name), proposed)
        if request.type_name == "google_service_account" and state is not None:
            state = values.known_account(state, self.project)
        return self.messages["PlanResponse"](planned_state=self._encoded(state), legacy_type_system=True)

    def apply(self, request: Any) -> Any:
        """The planned state come true."""
        state = values.applied(self._block(request.type_name), _decoded(request.planned_state))
        return self.messages["ApplyResponse"](new_state=self._encoded(state), legacy_type_system=True)

    def reject_data_source(self, request: Any) -> Any:
        """A data source asks the cloud, which a plan offline cannot."""
        mistake = values.Mistake(
            (), f"{request.type_name}: no data source can be read offline; use a variable"
        )
        return self.messages["ReadResponse"](diagnostics=[self._diagnostic(mistake)])

    def _block(self, type_name: str) -> Schema:
        block: Schema = self.schema["resource_schemas"][type_name]["block"]
        return block

    def _fill(self, message: Any, schema: Schema) -> None:
        message.version = schema["version"]
        self._fill_block(message.block, schema["block"])

    def _fill_block(self, message: Any, block: Schema) -> None:
        message.SetInParent()  # a block without attributes is one too: without it Terraform crashes
        for name, attribute in block["attributes"].items():
            flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")}
            message.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
        for name, nested in block["block_types"].items():
            limits = {limit: nested.get(limit, 0) for limit in ("min_items", "max_items")}
            added = message.block_types.add(
                type_name=name, nesting=_NESTINGS[nested["nesting_mode"]], **limits
            )
            self._fill_block(added.block, nested["block"])

    def _diagnostic(self, mistake: values.Mistake) -> Any:
        diagnostic = self.messages["Diagnostic"](severity=1, summary=mistake.message)
        for step in mistake.path:
            selector = "attribute_name" if isinstance(step, str) else "element_key_int"
            diagnostic.attribute.steps.add(**{selector: step})
        return diagnostic

    def _encoded(self, value: Any) -> Any:
        return self.messages["DynamicValue"](msgpack=msgpack.packb(value, use_bin_type=True))


class Serving:
    """A provider on a socket of its own, until `stop`."""

    def __init__(self, provider: Provider) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="provider-")
        self.socket = f"{self._folder.name}/socket"
        self.done = threading.Event()
        limits = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=limits)
        self._server.add_generic_rpc_handlers(_handlers(provider, self.done))
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()

    def stop(self) -> None:
        """After what is being answered."""
        self._server.stop(0.1).wait()
        self._folder.cleanup()


def serve(provider: Provider) -> None:
    """Answer the Terraform that has started this process, until it says Shutdown.

    Raises:
        SystemExit: started by anything else than Terraform.
    """
    if os.environ.get("TF_PLUGIN_MAGIC_COOKIE") != COOKIE:
        sys.exit(
            "This is a Terraform provider for tests: expected to be started by Terraform. See tests/infra."
        )
    serving = Serving(provider)
    sys.stdout.write(f"1|5|unix|{serving.socket}|grpc|\n")
    sys.stdout.flush()
    serving.done.wait()
    serving.stop()


def _handlers(provider: Provider, done: threading.Event) -> tuple[Any, ...]:
    def answering(call: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda request, _: call(request)

    def shutdown(_: Any, __: Any) -> bytes:
        done.set()
        return b""

    calls = {
        name: grpc.unary_unary_rpc_method_handler(
            answering(call),
            request_deserializer=provider.messages[request].FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for name, (request, call) in provider.calls().items()
    }
    bytewise = grpc.unary_unary_rpc_method_handler
    return (
        grpc.method_handlers_generic_handler("tfplugin5.Provider", calls),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": bytewise(shutdown)}),
        grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health", {"Check": bytewise(lambda _, __: _SERVING)}
        ),
    )


def _decoded(value: Any) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json or b"null")
