# One image for every process: `emporix-bot web` (the default), `worker`, `doctor`, `keys` and the others.
# BASE can be any Debian image with Python 3.11 or newer as `python3`.
#
#   docker build -t emporix-jobs-slack .
#   docker build -t emporix-jobs-slack-demo --target demo .
#
# If pip needs settings, such as another package index: --secret id=pip.conf,src=<file>
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# Debian has a separate package for virtual environments.
RUN python3 -c 'import ensurepip' 2>/dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
# /opt/venv is copied to the image, so pip is in an environment of its own.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY requirements.txt requirements-dev.txt /tmp/
# The extra `sentry`, for SENTRY_DSN.
RUN awk '/^[a-z]/ { wanted = /^(sentry-sdk|urllib3)==/ } wanted' \
    /tmp/requirements-dev.txt >/tmp/requirements-sentry.txt
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv/bin/python --disable-pip-version-check --no-cache-dir \
    install --no-compile --only-binary :all: --require-hashes -r /tmp/requirements.txt -r /tmp/requirements-sentry.txt
RUN printf '#!/opt/venv/bin/python\nfrom bot.cli import main\nraise SystemExit(main())\n' \
    >/opt/venv/bin/emporix-bot && chmod 755 /opt/venv/bin/emporix-bot
WORKDIR /app
COPY LICENSE manifest.yml deploy/healthcheck.py ./
COPY templates templates
COPY bot bot
# The user cannot write bytecode at run time. It does not depend on the times of files, which a copy may change.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM build AS build-demo
# What the sandbox needs in addition to the app.
RUN awk '/^[a-z]/ { wanted = /^(jsonschema|jsonschema-specifications|referencing|rpds-py)==/ } wanted' \
    /tmp/requirements-dev.txt >/tmp/requirements-sandbox.txt
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /opt/pip/bin/pip --python /opt/venv/bin/python --disable-pip-version-check --no-cache-dir \
    install --no-compile --only-binary :all: --require-hashes -r /tmp/requirements-sandbox.txt
COPY sandbox sandbox
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM ${BASE} AS base
# Nothing is installed at run time.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/pip* \
    /usr/lib/python3*/ensurepip /usr/share/python-wheels
# METRICS_PORT also tells the health check whether the worker is alive. slack_sdk needs a home directory.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    METRICS_PORT=9090
WORKDIR /app

FROM base AS demo
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
COPY --from=build-demo /opt/venv /opt/venv
COPY --from=build-demo /app /app
RUN install -d -m 700 -o 10001 -g 10001 /app/.sandbox
# Both processes of the app run in one container.
ENV METRICS_PORT=
USER 10001:10001
EXPOSE 8030
VOLUME /app/.sandbox
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "/app/healthcheck.py", "8030", "/"]
ENTRYPOINT ["python", "-m", "sandbox"]
CMD ["demo", "--host", "0.0.0.0", "--port", "8030"]

FROM base AS app
LABEL org.opencontainers.image.title="Emporix Jobs for Slack" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
USER 10001:10001
EXPOSE 3000 9090
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "/app/healthcheck.py"]
ENTRYPOINT ["emporix-bot"]
CMD ["web"]
