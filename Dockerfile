# One image for the dashboard, for Dask's scheduler and workers, and for jobs: all of them run the very same version.
# It has what runs, not what tests: requirements-dask.lock, and the built wheel.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements-dask.lock ./
RUN python -m venv /opt/kraken && /opt/kraken/bin/pip install --no-cache-dir --require-hashes -r requirements-dask.lock
COPY pyproject.toml README.md LICENSE ./
COPY kraken_core kraken_core
COPY app app
COPY .streamlit .streamlit
COPY docs/guide docs/guide
RUN /opt/kraken/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home kraken && install --directory --owner kraken /data
COPY --from=build /opt/kraken /opt/kraken
ENV PATH="/opt/kraken/bin:$PATH"
USER kraken
WORKDIR /home/kraken
CMD ["kraken-history", "--help"]
