"""Jobs of the loopback Dataflow: what was sent, which state they are in, what they say and count."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import dataflow_v1beta3 as dataflow

State = dataflow.JobState
ENDED = {State.JOB_STATE_DONE, State.JOB_STATE_FAILED, State.JOB_STATE_CANCELLED}
Importance = dataflow.JobMessageImportance
IMPORTANCE = [
    Importance[f"JOB_MESSAGE_{name}"]
    for name in ("IMPORTANCE_UNKNOWN", "DEBUG", "DETAILED", "BASIC", "WARNING", "ERROR")
]
"""From the least; their numbers are in another order."""
_EVENT = dataflow.AutoscalingEvent.AutoscalingEventType
_WORKFLOW_FAILED = (
    "Workflow failed. Causes: S02:Spread/Read+Work failed., The job failed because a work item has failed 4 "
    "times. Look in previous log entries for the cause of each one of the 4 failures. If the logs only "
    "contain generic timeout errors related to accessing external resources, verify that the worker service "
    "account has permission. The work item was attempted on these workers: "
)


@dataclass
class Fate:
    """What becomes of the next job, whatever its pipeline does."""

    pending_looks: int = 1
    """Looks at it until it runs."""
    queued: bool = False
    """With flexible scheduling a job waits for cheap machines."""
    late_words: int = 0
    """Looks after its end until it says why it failed."""
    attempts: int = 1
    """How often its work is begun, if its worker is lost; whatever the worker wrote until then stays."""
    times_counted: int = 1
    """How often each counter is counted: 0 where the workers' reports are lost."""


@dataclass
class Job:
    """A job, with the JSON that the client sent."""

    message: Any
    sent: dict[str, Any]
    fate: Fate
    looks: int = 0
    attempts: int = 0
    left_silent: int = 0
    messages: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    counters: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last_words: tuple[str, ...] = ()

    @property
    def state(self) -> Any:
        """Its state."""
        return State(self.message.current_state)

    @property
    def pipeline(self) -> str:
        """Where its pipeline is staged."""
        return str(self.options["pipelineUrl"])

    @property
    def options(self) -> dict[str, Any]:
        """The options that its workers are given."""
        found: dict[str, Any] = self.sent["environment"]["sdkPipelineOptions"]["options"]
        return found

    def enter(self, state: Any) -> None:
        """A new state; no way leads out of an end."""
        with self.lock:
            if self.state not in ENDED:
                self.message.current_state = state
                self.message.current_state_time = datetime.now(UTC)

    def say(self, text: str, level: Any = Importance.JOB_MESSAGE_BASIC) -> None:
        """Add a message."""
        self.messages.append(
            dataflow.JobMessage(
                id=f"m{len(self.messages)}",
                time=datetime.now(UTC) + timedelta(microseconds=len(self.messages)),
                message_text=text,
                message_importance=level,
            )
        )

    def scale(self, workers: int) -> None:
        """Tell the number of workers."""
        self.events.append(
            dataflow.AutoscalingEvent(
                current_num_workers=workers,
                target_num_workers=workers,
                event_type=_EVENT.CURRENT_NUM_WORKERS_CHANGED,
                time=datetime.now(UTC),
            )
        )

    def run(self) -> None:
        """Its workers are there."""
        pool = self.message.environment.worker_pools[0]
        self.enter(State.JOB_STATE_RUNNING)
        self.say(f"Worker configuration: {pool.machine_type} in {self.message.location}.")
        self.say("pickled function", Importance.JOB_MESSAGE_DETAILED)
        self.say(f"Starting {pool.num_workers or 1} workers in {self.message.location}...")
        self.scale(pool.num_workers or 1)

    def end(self, outcome: dict[str, Any]) -> None:
        """Its pipeline has ended, well or not; the words may come later than the state."""
        with self.lock:
            if self.state in ENDED or self.state == State.JOB_STATE_CANCELLING:
                return
            if "error" in outcome:
                self.enter(State.JOB_STATE_FAILED)
                self.left_silent = self.fate.late_words
                self._last_words = (outcome["error"], _WORKFLOW_FAILED)
                self._speak()
            else:
                self.counters = outcome["counters"]
                self.scale(0)
                self.say("Worker pool stopped.")
                self.enter(State.JOB_STATE_DONE)

    def _speak(self) -> None:
        if self.left_silent <= 0:
            for text in self._last_words:
                self.say(text, Importance.JOB_MESSAGE_ERROR)
            self._last_words = ()

    def look(self) -> None:
        """One look at it: between looks it goes on."""
        with self.lock:
            self.looks += 1
            if self.state == State.JOB_STATE_CANCELLING:
                self.scale(0)
                self.enter(State.JOB_STATE_CANCELLED)
            elif self.state == State.JOB_STATE_FAILED and self._last_words:
                self.left_silent -= 1
                self._speak()

    def metrics(self) -> Any:
        """Its counters as the service tells them: of each, a committed and a tentative value."""
        updates = []
        for counter in self.counters:
            for tentative in ({}, {"tentative": "true"}):
                context = {"namespace": counter["namespace"], "step": counter["step"], **tentative}
                name = dataflow.MetricStructuredName(origin="user", name=counter["name"], context=context)
                updates.append(
                    dataflow.MetricUpdate(name=name, scalar=counter["value"] * self.fate.times_counted)
                )
        service = dataflow.MetricStructuredName(origin="dataflow/v1b3", name="TotalVcpuTime")
        updates.append(dataflow.MetricUpdate(name=service, scalar=12))
        return dataflow.JobMetrics(metrics=updates)
