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
RUN /opt/venv/bin/python -m compileall -q /opt/sandbox

FROM ${BASE_IMAGE}
# Nothing is installed at run time, so the final stage keeps no installer, whoever packaged it in the base image.
RUN python -c "import pathlib, pip, shutil; shutil.rmtree(pathlib.Path(pip.__file__).parent)" \
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
