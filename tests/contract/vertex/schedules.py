"""Schedules of pipeline jobs: kept, paused and resumed; no clock runs them, a test does."""

import re
from typing import Any

from google.protobuf import empty_pb2

from tests.contract.vertex.pipelines import Pipelines
from tests.contract.vertex.rejections import Rejection
from tests.contract.vertex.resources import Resources, Store, merge
from tests.contract.vertex.routes import Route

_CRON = re.compile(r"(?:(?:CRON_)?TZ=[A-Za-z_]+(?:/[A-Za-z_]+)*\s+)?(?:\S+\s+){4}\S+")
_ACTIVE, _PAUSED = 1, 2


class Schedules:
    """ScheduleService."""

    def __init__(self, store: Store, pipelines: Pipelines) -> None:
        self.store, self.pipelines = store, pipelines
        self._resources = Resources(store)

    def create_schedule(self, request: Any, route: Route) -> Any:
        """A schedule that is active at once."""
        schedule = request.schedule
        if not _CRON.fullmatch(schedule.cron):
            raise Rejection(
                "INVALID_ARGUMENT", f"Invalid cron '{schedule.cron}': five fields, perhaps after TZ=ZONE."
            )
        if schedule.max_concurrent_run_count < 1:
            raise Rejection(
                "INVALID_ARGUMENT", "Required field schedule.max_concurrent_run_count is missing."
            )
        if not schedule.HasField("create_pipeline_job_request"):
            raise Rejection(
                "INVALID_ARGUMENT", "Required field schedule.create_pipeline_job_request is missing."
            )
        create = self._resources.method(route.method.handler)
        assert create
        kept = create(request, route)
        kept.state = _ACTIVE
        return kept

    def update_schedule(self, request: Any, _: Route) -> Any:
        """Change a schedule; runs that have started go on."""
        kept = self.store.get(request.schedule.name)
        return self.store.changed(
            merge(request.update_mask, request.schedule, kept, {"state", "create_time"})
        )

    def pause_schedule(self, request: Any, _: Route) -> Any:
        """No more runs until it is resumed."""
        return self._turn(request.name, _PAUSED)

    def resume_schedule(self, request: Any, _: Route) -> Any:
        """Runs again."""
        return self._turn(request.name, _ACTIVE)

    def _turn(self, name: str, state: int) -> Any:
        schedule = self.store.get(name)
        if schedule.state == state:
            raise Rejection("FAILED_PRECONDITION", f"{name} is in that state already.")
        schedule.state = state
        self.store.changed(schedule)
        return empty_pb2.Empty()

    def strike(self, name: str) -> Any:
        """What the clock would do: start a run, if the schedule is active."""
        schedule = self.store.get(name)
        if schedule.state != _ACTIVE:
            return None
        schedule.started_run_count += 1
        request = type(schedule.create_pipeline_job_request)()
        request.CopyFrom(schedule.create_pipeline_job_request)
        request.parent = name.rsplit("/schedules/", 1)[0]
        request.pipeline_job_id = f"{request.pipeline_job_id or 'scheduled'}-{schedule.started_run_count}"
        return self.pipelines.create_pipeline_job(request, None)  # type: ignore[arg-type]
