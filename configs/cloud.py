"""Where, on Google Cloud: projects, identities, networks, machines and limits of one environment.

An environment that has a `cloud` section runs on Vertex AI (Agent Platform since 2026); one without it
runs on this machine. What a run is has no place here: that is the use case's.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from configs.bigquery import BigQuery, LabelKey, LabelValue
from configs.machines import check
from configs.section import Section
from configs.stages import container_tasks

ProjectId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", examples=["my-project-dev"])]
Location = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+[0-9]$", examples=["us-central1"])]
Bucket = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", examples=["my-project-dev-pipeline"])
]
ServiceAccount = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com)?$",
        examples=["trainer@my-project-dev.iam.gserviceaccount.com"],
    ),
]
if TYPE_CHECKING:
    StageName = str
else:
    StageName = Literal[container_tasks()]
Accelerator = Literal[
    "NVIDIA_TESLA_T4",
    "NVIDIA_TESLA_P100",
    "NVIDIA_TESLA_V100",
    "NVIDIA_L4",
    "NVIDIA_TESLA_A100",
    "NVIDIA_A100_80GB",
    "NVIDIA_H100_80GB",
    "NVIDIA_H100_MEGA_80GB",
    "NVIDIA_H200_141GB",
    "TPU_V2",
    "TPU_V3",
]


class Identities(Section):
    """A service account for each role; empty: the project's default, which may do far too much."""

    pipeline: ServiceAccount = ""
    """Runs the stages."""
    dataflow: ServiceAccount = ""
    """Runs Beam's workers."""
    trainer: ServiceAccount = ""
    """Runs the training job."""
    serving: ServiceAccount = ""
    """Runs the prediction server."""


class Network(Section):
    """Where workers are; nothing has a public address unless it is said."""

    network: str = ""
    """For Vertex AI: projects/NUMBER/global/networks/NAME (peered); empty: none."""
    psc_attachment: str = ""
    """For Vertex AI without peering: the network attachment of a Private Service Connect interface."""
    subnetwork: Annotated[str, Field(pattern=r"^(\S*regions/[^/]+/subnetworks/[^/]+)?$")] = ""
    """For Dataflow: regions/REGION/subnetworks/NAME, with Private Google Access; the full URL, if shared."""
    public_ips: bool = False


class Dataflow(Section):
    """Beam's workers for transform, evaluate and batch prediction."""

    machine_type: str = "n2-standard-4"
    disk_gb: PositiveInt = 50
    workers: PositiveInt = 1
    """At the start."""
    max_workers: PositiveInt = 10
    autoscaling: Literal["THROUGHPUT_BASED", "NONE"] = "THROUGHPUT_BASED"
    flexrs: bool = False
    """Cheaper, delayed by up to six hours."""
    options: tuple[str, ...] = ()
    """Any further Beam option, as on Beam's command line; `--runner=FnApiRunner`: no Dataflow, few rows."""

    @model_validator(mode="after")
    def _consistent(self) -> "Dataflow":
        if self.workers > self.max_workers:
            raise ValueError(f"workers {self.workers} above max_workers {self.max_workers}")
        if self.flexrs and self.autoscaling == "NONE":
            raise ValueError("flexrs chooses the number of workers itself: set autoscaling THROUGHPUT_BASED")
        return self


class TrainingJob(Section):
    """The machines of the training job."""

    machine_type: str = "n1-standard-8"
    accelerator: Accelerator | None = None
    accelerator_count: Annotated[int, Field(ge=0, le=16)] = 0
    tpu_topology: Annotated[str, Field(pattern=r"^([0-9]+x[0-9]+)?$")] = ""
    """TPU v5e: 1x1, 2x2, 2x4, …"""
    replicas: PositiveInt = 1
    """Hosts; more than one trains with MultiWorkerMirroredStrategy. A TPU slice counts as one."""
    reduction_server_replicas: Annotated[int, Field(ge=0)] = 0
    """Hosts that add up gradients for others with GPUs: quicker over many hosts."""
    provisioning: Literal["STANDARD", "SPOT", "RESERVED"] = "STANDARD"
    reservation: str = ""
    """RESERVED: projects/PROJECT/zones/ZONE/reservations/NAME."""
    disk_gb: Annotated[int, Field(ge=100, le=64_000)] = 100
    timeout_hours: PositiveInt = 24
    restart_on_worker_restart: bool = True
    """From the last checkpoint."""

    @model_validator(mode="after")
    def _reservation_where_reserved(self) -> "TrainingJob":
        if (self.provisioning == "RESERVED") != bool(self.reservation):
            raise ValueError("provisioning RESERVED and reservation go together: give both or neither")
        return self

    @model_validator(mode="after")
    def _machines_exist(self) -> "TrainingJob":
        check(self.machine_type, self.accelerator, self.accelerator_count, self.tpu_topology)
        tpu = bool(self.tpu_topology) or str(self.accelerator).startswith("TPU")
        if tpu and self.replicas > 1:
            raise ValueError(
                f"replicas {self.replicas} on {self.machine_type}: a TPU slice is one replica; "
                "for more chips choose a larger tpu_topology, e.g. machine_type: ct5lp-hightpu-4t, "
                "tpu_topology: 4x4"
            )
        if self.reduction_server_replicas and (tpu or not self.accelerator or self.replicas < 2):
            raise ValueError(
                f"reduction_server_replicas {self.reduction_server_replicas}: they serve two or more "
                f"hosts with GPUs, got replicas {self.replicas} with accelerator {self.accelerator or 'none'}"
            )
        return self


class RequestLog(Section):
    """A sample of requests and answers, stored in BigQuery."""

    table: Annotated[str, Field(pattern=r"^bq://[^/]+$")]
    """bq://PROJECT.DATASET.TABLE"""
    sampling: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1


class OnlinePrediction(Section):
    """The endpoint and the servers behind it."""

    machine_type: str = "n1-standard-2"
    accelerator: Accelerator | None = None
    accelerator_count: Annotated[int, Field(ge=0, le=8)] = 0
    min_replicas: PositiveInt = 1
    max_replicas: PositiveInt = 2
    kind: Literal["shared", "dedicated", "private"] = "shared"
    """dedicated: a host name of its own; private: reached through Private Service Connect only."""
    psc_projects: tuple[ProjectId, ...] = ()
    """private: the projects that may connect."""
    image: str = ""
    """The lean serving image; empty: the image of the stages."""
    request_log: RequestLog | None = None
    undeploy_after_promotion: bool = True
    """Old versions give their machines back once they have no traffic and no rollback needs them."""
    deploy_seconds: PositiveInt = 1800

    @model_validator(mode="after")
    def _consistent(self) -> "OnlinePrediction":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} above max_replicas {self.max_replicas}")
        check(self.machine_type, self.accelerator, self.accelerator_count)
        if (self.kind == "private") != bool(self.psc_projects):
            raise ValueError("kind private and psc_projects go together: give both or neither")
        return self


class StageMachine(Section):
    """What a stage's container gets; Vertex AI chooses the machine."""

    cpus: PositiveInt = 4
    memory_gb: PositiveInt = 16


class Tracking(Section):
    """Where runs are compared."""

    experiment: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,127})?$")] = ""
    """A Vertex AI experiment; empty: one named after the use case."""
    tensorboard: Annotated[str, Field(pattern=r"^(projects/[^/]+/locations/[^/]+/tensorboards/[^/]+)?$")] = ""
    """A Vertex AI TensorBoard instance; empty: none."""


class Cloud(Section):
    """One project and region of Google Cloud, and how its services are used."""

    project: ProjectId
    location: Location = "us-central1"
    bucket: Bucket
    """Artifacts, staging and compiled pipelines: gs://BUCKET/…"""
    kms_key: Annotated[
        str, Field(pattern=r"^(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)?$")
    ] = ""
    """Encrypts what services keep; empty: Google's own keys."""
    labels: dict[LabelKey, LabelValue] = {}
    """On everything that costs."""
    identities: Identities = Identities()
    network: Network = Network()
    bigquery: BigQuery = BigQuery()
    dataflow: Dataflow = Dataflow()
    training: TrainingJob = TrainingJob()
    stages: dict[StageName, StageMachine] = {}
    """Stages that need more, or less, than 4 CPUs and 16 GB. `train` has its own section."""
    prediction: OnlinePrediction = OnlinePrediction()
    tracking: Tracking = Tracking()
    pinned_images: bool = True
    """Reject images that are not named by their digest: what runs is then what was reviewed."""
    budget_usd: NonNegativeFloat | None = None
    """`plan`'s high estimate above this stops a run; None: no limit."""

    @model_validator(mode="after")
    def _consistent(self) -> "Cloud":
        if self.network.network and self.network.psc_attachment:
            raise ValueError("network.network and network.psc_attachment exclude each other: keep one")
        if self.tracking.tensorboard and not self.identities.trainer:
            raise ValueError("tracking.tensorboard needs identities.trainer: the job writes to it by itself")
        subnetwork = self.network.subnetwork
        if subnetwork and f"regions/{self.location}/" not in subnetwork:
            raise ValueError(f"network.subnetwork {subnetwork} is not in location {self.location}")
        return self
