# The image of the stages and of Beam's workers: infra/images/build pipeline [--variant cuda]; docs/images.md.
# About 4 minutes without a cache; 2.4 GB for CPUs, 7.3 for GPUs, besides the base. Context: the repository's root.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG BEAM_IMAGE=docker.io/apache/beam_python3.11_sdk:2.77.0

FROM ${BEAM_IMAGE} AS beam

FROM ${PYTHON_IMAGE} AS packages
# cpu or cuda: which build of TensorFlow.
ARG VARIANT=cpu
COPY infra/images/install requirements-${VARIANT}.lock /build/
# A pip.conf as a secret leads to another index, and leaves no trace in the image.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /build/install /build/requirements-${VARIANT}.lock /opt/venv pip

FROM ${PYTHON_IMAGE} AS code
COPY configs/*.py /opt/pipeline/configs/
COPY components /opt/pipeline/components
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pipeline

FROM ${PYTHON_IMAGE}
# Libraries ask for the user's name and home, which a bare number does not have.
ARG USER_ID=10001
RUN groupadd --gid "${USER_ID}" --non-unique pipeline \
    && useradd --no-log-init --uid "${USER_ID}" --gid pipeline --non-unique --no-create-home --home-dir /tmp pipeline
# What seldom changes comes first: a change of our code is a layer of a megabyte.
COPY --from=beam /opt/apache/beam/boot /opt/apache/beam/boot
COPY --from=packages /layers/cuda/ /
COPY --from=packages /layers/tensorflow/ /
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/pipeline /opt/pipeline
# RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT: else Beam's boot makes a virtual environment of its own, without these
# packages. LD_LIBRARY_PATH: where Google mounts the GPU's driver.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/pipeline \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TF_CPP_MIN_LOG_LEVEL=1 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    LD_LIBRARY_PATH=/usr/local/nvidia/lib64 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
ARG VARIANT=cpu
LABEL org.opencontainers.image.title="pipeline-python" \
    org.opencontainers.image.description="Stages of the ML pipeline and workers of Beam (${VARIANT})"
USER ${USER_ID}:${USER_ID}
WORKDIR /tmp
# Dataflow starts the worker by it; a stage and a training job bring their own command.
ENTRYPOINT ["/opt/apache/beam/boot"]
