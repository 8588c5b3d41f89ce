# The prediction server alone: infra/images/build serving; docs/images.md.
# About 2 minutes without a cache; 1.2 GB besides the base, of which TensorFlow is 1.0. Context: the repository's root.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
COPY infra/images/install requirements-serving.lock /build/
# A pip.conf as a secret leads to another index, and leaves no trace in the image.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /build/install /build/requirements-serving.lock /opt/venv

FROM ${PYTHON_IMAGE} AS code
COPY configs/*.py /opt/pipeline/configs/
COPY components/__init__.py /opt/pipeline/components/
COPY components/serve /opt/pipeline/components/serve
COPY components/shared/*.py /opt/pipeline/components/shared/
COPY components/shared/files /opt/pipeline/components/shared/files
COPY components/shared/gcp /opt/pipeline/components/shared/gcp
COPY components/shared/registry /opt/pipeline/components/shared/registry
COPY components/shared/rows/__init__.py components/shared/rows/missing.py /opt/pipeline/components/shared/rows/
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pipeline

FROM ${PYTHON_IMAGE}
# Nothing that installs packages is left: the base's pip stands in one of these folders, by its distribution.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
    /usr/bin/pip* /usr/lib/python3/dist-packages/* /usr/lib/python3*/ensurepip /usr/share/python-wheels
ARG USER_ID=10001
RUN groupadd --gid "${USER_ID}" --non-unique serving \
    && useradd --no-log-init --uid "${USER_ID}" --gid serving --non-unique --no-create-home --home-dir /tmp serving
# What seldom changes comes first: a change of our code is a layer of a megabyte.
COPY --from=packages /layers/tensorflow/ /
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/pipeline /opt/pipeline
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/pipeline \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
LABEL org.opencontainers.image.title="pipeline-serving" \
    org.opencontainers.image.description="The prediction server of the ML pipeline"
USER ${USER_ID}:${USER_ID}
WORKDIR /tmp
EXPOSE 8080
# Vertex AI says the rest by AIP_HTTP_PORT, AIP_HEALTH_ROUTE, AIP_PREDICT_ROUTE and AIP_STORAGE_URI.
ENTRYPOINT ["python", "-m", "components.serve"]
CMD ["--host", "0.0.0.0"]
