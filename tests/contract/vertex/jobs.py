"""Custom, batch prediction and tuning jobs: they wait, run, and end after some looks, well or not."""

from typing import Any

from google.protobuf import empty_pb2

from tests.contract.vertex.faults import Fault, Faults
from tests.contract.vertex.rejections import RPC, Rejection
from tests.contract.vertex.resources import Resources, Store
from tests.contract.vertex.routes import Route

_PENDING, _RUNNING, _SUCCEEDED, _FAILED, _CANCELLED = 2, 3, 4, 5, 7
_ENDED = {_SUCCEEDED, _FAILED, _CANCELLED}


class Jobs:
    """JobService; nothing is computed, states are set by the test."""

    def __init__(self, store: Store, faults: Faults, polls: int) -> None:
        self.store, self.faults, self.polls = store, faults, polls
        self._resources = Resources(store)
        self._left: dict[str, int] = {}
        self._fate: dict[str, Fault] = {}

    def create_custom_job(self, request: Any, route: Route) -> Any:
        """A job that waits for its machines."""
        if not request.custom_job.job_spec.worker_pool_specs and not request.custom_job.job_spec:
            raise Rejection("INVALID_ARGUMENT", "Required field job_spec.worker_pool_specs is missing.")
        return self._begin(request, route)

    def create_batch_prediction_job(self, request: Any, route: Route) -> Any:
        """A job that waits for its machines."""
        return self._begin(request, route)

    def create_hyperparameter_tuning_job(self, request: Any, route: Route) -> Any:
        """A job that waits for its machines."""
        return self._begin(request, route)

    def _begin(self, request: Any, route: Route) -> Any:
        job = self._resources.method("create_job")(request, route)  # type: ignore[misc]
        job.state = _PENDING
        self._left[job.name] = self.polls
        fault = self.faults.due(route.method.name, "fail_job")
        if fault:
            self._fate[job.name] = fault
        return job

    def get_custom_job(self, request: Any, _: Route) -> Any:
        """One look at a job; it goes on between looks."""
        return self._look(request.name)

    def get_batch_prediction_job(self, request: Any, _: Route) -> Any:
        """One look at a job; it goes on between looks."""
        return self._look(request.name)

    def get_hyperparameter_tuning_job(self, request: Any, _: Route) -> Any:
        """One look at a job; it goes on between looks."""
        return self._look(request.name)

    def _look(self, name: str) -> Any:
        job = self.store.get(name)
        if job.state in _ENDED:
            return job
        self._left[name] -= 1
        job.state = _RUNNING
        job.start_time.GetCurrentTime()
        if self._left[name] < 0:
            fault = self._fate.get(name)
            job.state = _FAILED if fault else _SUCCEEDED
            job.end_time.GetCurrentTime()
            if fault:
                job.error.code, job.error.message = RPC[fault.status], fault.message
        return self.store.changed(job)

    def cancel_custom_job(self, request: Any, _: Route) -> Any:
        """End a job that runs."""
        return self._cancel(request.name)

    def cancel_batch_prediction_job(self, request: Any, _: Route) -> Any:
        """End a job that runs."""
        return self._cancel(request.name)

    def cancel_hyperparameter_tuning_job(self, request: Any, _: Route) -> Any:
        """End a job that runs."""
        return self._cancel(request.name)

    def _cancel(self, name: str) -> Any:
        job = self.store.get(name)
        if job.state in _ENDED:
            raise Rejection("FAILED_PRECONDITION", f"{name} has ended and cannot be cancelled.")
        job.state = _CANCELLED
        self.store.changed(job)
        return empty_pb2.Empty()
