# One image for the dashboard, for Dask's scheduler and workers, and for jobs: all of them run the very same version.
FROM python:3.12-slim
WORKDIR /kraken
COPY requirements-test.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-test.lock
COPY . .
RUN pip install --no-cache-dir --no-build-isolation --no-deps --editable .
CMD ["kraken", "--help"]
