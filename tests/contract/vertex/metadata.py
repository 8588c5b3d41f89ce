"""Vertex ML Metadata: what belongs to which context. The resources themselves are like any other."""

from typing import Any

from google.cloud import aiplatform_v1

from tests.contract.vertex.resources import Store
from tests.contract.vertex.routes import Route, raw

_ASSOCIATED = raw(aiplatform_v1.AddContextArtifactsAndExecutionsResponse)
_CHILDREN = raw(aiplatform_v1.AddContextChildrenResponse)
_EVENTS = raw(aiplatform_v1.AddExecutionEventsResponse)
_LINEAGE = raw(aiplatform_v1.LineageSubgraph)


class Metadata:
    """The associations of MetadataService."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._events: dict[str, list[Any]] = {}

    def add_context_artifacts_and_executions(self, request: Any, _: Route) -> Any:
        """Let artifacts and executions belong to a context."""
        self.store.get(request.context)
        for name in [*request.artifacts, *request.executions]:
            self.store.get(name)
            self.store.contexts.setdefault(name, set()).add(request.context)
        return _ASSOCIATED()

    def add_context_children(self, request: Any, _: Route) -> Any:
        """Let contexts belong to a context."""
        self.store.get(request.context)
        for name in request.child_contexts:
            child = self.store.get(name)
            if request.context not in child.parent_contexts:
                child.parent_contexts.append(request.context)
        return _CHILDREN()

    def add_execution_events(self, request: Any, _: Route) -> Any:
        """Let artifacts be inputs and outputs of an execution."""
        self.store.get(request.execution)
        self._events.setdefault(request.execution, []).extend(request.events)
        return _EVENTS()

    def query_execution_inputs_and_outputs(self, request: Any, _: Route) -> Any:
        """An execution with its artifacts."""
        events = self._events.get(request.execution, [])
        return _LINEAGE(
            executions=[self.store.get(request.execution)],
            artifacts=[self.store.get(event.artifact) for event in events],
            events=events,
        )

    def query_context_lineage_subgraph(self, request: Any, _: Route) -> Any:
        """What belongs to a context."""
        members = [
            self.store.get(name)
            for name, contexts in self.store.contexts.items()
            if request.context in contexts
        ]
        lineage = _LINEAGE()
        for member in members:
            kind = lineage.artifacts if member.DESCRIPTOR.name == "Artifact" else lineage.executions
            kind.append(member)
        return lineage
