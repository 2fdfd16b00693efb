# One image for the worker, the producer and the simulator: the same `wanbatch`, another command.
FROM python:3.11-slim-bookworm AS parts
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --system --uid 10001 --user-group --create-home wanbatch \
    && install --directory --owner=wanbatch --group=wanbatch /journal
COPY --from=parts /app/.venv .venv
COPY pyproject.toml LICENSE ./
COPY cli cli
COPY producer producer
COPY worker worker
COPY providers providers
COPY ledger ledger
COPY config config
COPY jobs jobs
COPY simulator simulator
RUN pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation -e . \
    && python -m compileall -q cli producer worker providers ledger config jobs simulator
USER 10001
STOPSIGNAL SIGTERM
# The image's usual work is a worker; a service that runs another command says how that one is well.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "worker.alive"]
ENTRYPOINT ["wanbatch"]
CMD ["worker"]
