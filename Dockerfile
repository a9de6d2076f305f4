# syntax=docker/dockerfile:1
FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcurl4-openssl-dev libpq-dev libssl-dev libsqlite3-dev \
        zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
COPY openapi ./openapi
RUN swift build -c release --static-swift-stdlib --product status-proxy \
    && swift build -c release --static-swift-stdlib --product upstream-sandbox \
    && mkdir /out \
    && cp "$(swift build -c release --show-bin-path)/status-proxy" \
          "$(swift build -c release --show-bin-path)/upstream-sandbox" /out/ \
    && strip /out/*

FROM debian:bookworm-slim
# Held to the program's own by a test.
ARG VERSION=1.0.0
LABEL org.opencontainers.image.title="status-proxy" \
      org.opencontainers.image.description="Answers for the state of asynchronous actions and keeps the upstreams' call limits" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libcurl4 libpq5 libsqlite3-0 libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/status-proxy status-proxy \
    # Any user id will do, as OpenShift gives one: such a user is of group 0.
    && chgrp 0 /var/lib/status-proxy && chmod g=u /var/lib/status-proxy
COPY --from=build /out/ /usr/local/bin/
USER 10001
# Gates and answers: keep this on a volume, or a new container has forgotten every gate.
VOLUME /var/lib/status-proxy
ENV STATE_DIRECTORY=/var/lib/status-proxy LISTEN_HOST=0.0.0.0 LISTEN_PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
# For Docker's own image format; in an OCI image there is none, so compose.yaml and the manifests name theirs.
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["status-proxy", "healthcheck"]
ENTRYPOINT ["status-proxy"]
CMD ["serve"]
