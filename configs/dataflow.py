"""Beam's options in an environment: none but the local runner's on this machine, Dataflow's on Google Cloud.

What is not here is chosen by Beam and Dataflow themselves: runner v2 is the only one left for Python;
Streaming Engine belongs to streaming jobs, and these are batch jobs, which shuffle in the service anyway.
"""

from configs.cloud import Cloud
from configs.places import Beam
from configs.settings import Settings

RUNNER = "DataflowRunner"


def beam(settings: Settings) -> Beam:
    """The Beam options of the stages; the user's own come last, and so have the last word.

    `--runner=FnApiRunner` among `cloud.dataflow.options` keeps Beam in the stage's own container, which is
    cheaper and quicker than a job of Dataflow as long as the rows are few; its options are then left out.
    """
    cloud = settings.cloud
    if cloud is None:
        return settings.beam
    own = (*(settings.beam.options if settings.beam != Beam() else ()), *cloud.dataflow.options)
    runners = [option.partition("=")[2] for option in own if option.startswith("--runner=")]
    if runners and runners[-1] != RUNNER:
        return Beam(options=own)
    return Beam(options=(*_options(settings, cloud), *own))


def _options(settings: Settings, cloud: Cloud) -> tuple[str, ...]:
    """Where the workers are, as whom they work, and whose key encrypts what they keep.

    Their code is what the image holds: nothing is staged, nothing of the main session is sent. The stage runs
    in that image, too, so that there are no other packages to compare with (a second of pip).
    """
    dataflow = cloud.dataflow
    optional = {
        "subnetwork": cloud.network.subnetwork,
        "service_account_email": cloud.identities.dataflow,
        "dataflow_kms_key": cloud.kms_key,
    }
    return (
        f"--runner={RUNNER}",
        f"--project={cloud.project}",
        f"--region={cloud.location}",
        f"--temp_location=gs://{cloud.bucket}/dataflow/temp",
        f"--staging_location=gs://{cloud.bucket}/dataflow/staging",
        f"--sdk_container_image={settings.image}",
        "--sdk_location=container",
        "--no_save_main_session",
        "--experiments=disable_logging_submission_environment",
        f"--worker_machine_type={dataflow.machine_type}",
        f"--disk_size_gb={dataflow.disk_gb}",
        f"--num_workers={dataflow.workers}",
        f"--max_num_workers={dataflow.max_workers}",
        f"--autoscaling_algorithm={dataflow.autoscaling}",
        *(("--flexrs_goal=COST_OPTIMIZED",) if dataflow.flexrs else ()),
        "--use_public_ips" if cloud.network.public_ips else "--no_use_public_ips",
        *(f"--{name}={value}" for name, value in optional.items() if value),
        *(f"--labels={key}={value}" for key, value in settings.labels.items()),
    )
