# The API without its neighbours: compose.yaml brings them.

FROM python:3.11.14-slim-trixie AS libraries
COPY requirements-image.lock .
# pyvips has no wheel; it is built without a compiler, and finds the libvips of pyvips-binary.
RUN python -m venv /opt/leporello \
 && /opt/leporello/bin/pip install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary=:all: --no-binary=pyvips -r requirements-image.lock

FROM python:3.11.14-slim-trixie
RUN groupadd --system --gid 10001 leporello \
 && useradd --system --uid 10001 --gid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin leporello
COPY --from=libraries /opt/leporello /opt/leporello
WORKDIR /app
COPY LICENSE ./
COPY models ./models
COPY storage ./storage
COPY resolvers ./resolvers
COPY schema ./schema
COPY server ./server
# Compiled here, because the user of the program can write nothing.
RUN python -m compileall -q .
ENV PATH=/opt/leporello/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m", "server"]
CMD ["serve"]
