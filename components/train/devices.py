"""The devices that learn one model together, chosen in one place by what a process sees."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.train.cluster import Cluster
from configs.errors import TrainingError
from configs.training import Training

Floats = NDArray[np.float32]


class Devices:
    """Replicas of one model, a device each, and those of them that this process drives.

    A replica takes its share of every global batch: rows ⌊n·r/R⌋ to ⌊n·(r+1)/R⌋ of n rows for replica r
    of R, none if there are fewer rows than replicas.

    Args:
        strategy: From `strategy`; None: one device, without any.
        cluster: The hosts; one that is not their chief writes nothing.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy | None = None, cluster: Cluster | None = None
    ) -> None:
        self.strategy = strategy or tf.distribute.get_strategy()
        self.cluster = cluster or Cluster()
        self.replicas: int = self.strategy.num_replicas_in_sync

    @property
    def chief(self) -> bool:
        """Whether this process writes: checkpoints, logs, the model."""
        return self.cluster.chief

    def shares(self, *matrices: NDArray[Any]) -> tuple[Any, ...]:
        """The matrices of a batch, [rows, …] each, as values of which every replica gets its share.

        They lie in the host's memory until a replica takes them to its device.
        """
        rows = len(matrices[0])

        def share(replica: tf.distribute.experimental.ValueContext) -> tuple[tf.Tensor, ...]:
            place = replica.replica_id_in_sync_group
            own = slice(rows * place // self.replicas, rows * (place + 1) // self.replicas)
            return tuple(tf.constant(matrix[own]) for matrix in matrices)

        with tf.device("CPU:0"):
            shares: tuple[Any, ...] = self.strategy.experimental_distribute_values_from_function(share)
        return shares

    def joined(self, values: Any) -> Floats:
        """What the replicas of this process made of their shares, [rows of this process]."""
        parts = self.strategy.experimental_local_results(values)
        return np.concatenate([part.numpy() for part in parts])

    def gathered(self, values: Floats) -> Floats:
        """The values of all hosts, one host after the other, alike on each of them.

        Every host has to call it; it waits for the last one.
        """
        if self.cluster.size == 1:
            return values
        first = iter([values])

        def own(_: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            return tf.constant(next(first, values[:0]))

        distributed = self.strategy.experimental_distribute_values_from_function(own)
        everything: Floats = self.strategy.gather(distributed, axis=0).numpy()
        return everything

    def meet(self) -> None:
        """Wait for all hosts: none may leave while another still needs it."""
        self.gathered(np.zeros(1, np.float32))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Work that ends with an error of ours when another host is lost: TensorFlow notices in 10 s.

        Raises:
            TrainingError: A host does not answer.
        """
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            if self.cluster.size == 1:
                raise
            raise TrainingError(
                "the training's hosts",
                expected=f"all {self.cluster.size} to answer",
                got=error.message.splitlines()[0],
                remedy="Start all of them again: they go on from the last checkpoint "
                "(on Vertex AI cloud.training.restart_on_worker_restart does so).",
            ) from error


def together(hosts: Cluster) -> Devices:
    """The replicas of a cluster's hosts."""
    return Devices(strategy(hosts), hosts)


def strategy(cluster: Cluster) -> tf.distribute.Strategy | None:
    """How to train on what is there; it has to be chosen before TensorFlow computes anything.

    One CPU or GPU: None. Several GPUs of a host: mirrored. Several hosts: mirrored on all their GPUs, or
    on a CPU each. A TPU: all its cores (never run by our tests, which have none).

    Raises:
        TrainingError: Several hosts with TPUs.
    """
    gpus = len(tf.config.list_physical_devices("GPU"))
    if tf.config.list_physical_devices("TPU"):
        return _tpu(cluster)
    if cluster.size > 1:
        hosts = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({job: list(addresses) for job, addresses in cluster.hosts.items()}),
            task_type=cluster.task,
            task_id=cluster.index,
            num_accelerators={"GPU": gpus},
            rpc_layer="grpc",
        )
        # NCCL by name: only it is sped up by Vertex AI's reduction servers.
        kinds = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=kinds.NCCL if gpus else kinds.RING
        )
        return tf.distribute.MultiWorkerMirroredStrategy(hosts, options)
    return tf.distribute.MirroredStrategy() if gpus > 1 else None


def precision(training: Training) -> Training:
    """The settings with `mixed_precision: auto` resolved: float16 on GPUs, bfloat16 on TPUs, none on CPUs."""
    if training.mixed_precision != "auto":
        return training
    kinds = {device.device_type for device in tf.config.list_physical_devices()}
    resolved = "bfloat16" if "TPU" in kinds else "float16" if "GPU" in kinds else "none"
    return training.model_copy(update={"mixed_precision": resolved})


def _tpu(cluster: Cluster) -> tf.distribute.Strategy:
    """All cores of this host's TPU. Written after TensorFlow's documentation: no TPU was there to run it."""
    if cluster.size > 1:
        raise TrainingError(
            "cloud.training.replicas",
            expected="1 with TPUs: TensorFlow trains on the cores of one host",
            got=str(cluster.size),
            remedy="Choose a larger cloud.training.tpu_topology instead.",
        )
    return tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver.connect("local"))
