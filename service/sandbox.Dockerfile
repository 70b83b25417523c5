# The sandbox: Telegram simulator, backends and traffic. It writes only below TMPDIR.
# Build from the repository's root: docker build -f service/sandbox.Dockerfile .
ARG BASE_IMAGE=python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS build
COPY requirements/sandbox.txt /build/requirements.txt
# The environment gets no pip of its own: the base image's pip fills it from outside.
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --require-hashes --requirement /build/requirements.txt
COPY service/sandbox /opt/sandbox/sandbox
COPY pyproject.toml /build/pyproject.toml
# The sources are copied, not installed: the metadata of the distribution tells the program its version.
RUN version=$(sed -n 's/^version = "\(.*\)"/\1/p' /build/pyproject.toml) \
 && mkdir /opt/sandbox/bot_gateway.dist-info \
 && printf 'Metadata-Version: 2.1\nName: bot-gateway\nVersion: %s\n' "$version" > /opt/sandbox/bot_gateway.dist-info/METADATA \
 && printf '#!/bin/sh\nexec python -m sandbox "$@"\n' > /opt/venv/bin/bot-sandbox \
 && chmod 0755 /opt/venv/bin/bot-sandbox \
 && /opt/venv/bin/python -m compileall -q /opt/sandbox

FROM ${BASE_IMAGE}
# Nothing is installed at run time, so the final stage keeps no installer, whoever packaged it in the base image.
RUN python -c "import pathlib, pip, shutil; shutil.rmtree(pathlib.Path(pip.__file__).parent)" \
 && rm -f /usr/bin/pip* /usr/local/bin/pip* \
 && groupadd --gid 10001 sandbox \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sandbox
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/sandbox /opt/sandbox
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/sandbox \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/sandbox
USER 10001:10001
ENV SANDBOX_HOST=0.0.0.0
EXPOSE 8081 8082 8101 8102 8103 8104
ENTRYPOINT ["python", "-m", "sandbox"]
CMD ["serve"]
