# One image for every role: `serve` (default), `worker`, `migrate`. Needs TOMGQL_DATABASE_URL and TOMGQL_REDIS_URL.
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY tomgql tomgql
COPY workers workers
RUN python -m venv /opt/tomgql && /opt/tomgql/bin/pip install --no-cache-dir '.[s3]'

FROM python:3.11-slim
RUN groupadd --system tomgql && useradd --system --gid tomgql --home-dir /data tomgql \
    && install -d -o tomgql -g tomgql -m 0700 /data
COPY --from=build /opt/tomgql /opt/tomgql
ENV PATH=/opt/tomgql/bin:$PATH TOMGQL_HOST=0.0.0.0 TOMGQL_PORT=8000 TOMGQL_DATA_DIR=/data PYTHONUNBUFFERED=1
USER tomgql
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --retries=3 \
    CMD ["tomgql", "doctor"]
ENTRYPOINT ["tomgql"]
CMD ["serve"]
