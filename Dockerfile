# nba in a container: built on Debian 12, run as a user of its own from a read-only root.
#   docker build -t nba .
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config \
        libcmocka-dev librdkafka-dev libavro-dev librocksdb-dev libopenblas-dev libyaml-dev \
        libjansson-dev libxxhash-dev uthash-dev libevent-dev libssl-dev libcurl4-openssl-dev \
        zlib1g-dev python3 \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN cmake --preset release -DNBA_KILL_POINTS=OFF \
    && cmake --build --preset release --target nba \
    && strip build/release/nba

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        librdkafka1 librocksdb7.8 libopenblas0-pthread libyaml-0-2 libjansson4 \
        libxxhash0 libevent-2.1-7 libssl3 zlib1g tzdata ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/nba --create-home nba \
    && install -d -o nba -g nba -m 0700 /var/lib/nba/state /var/lib/nba/releases
COPY --from=build /src/build/release/nba /usr/local/bin/nba
COPY config /opt/nba/config
COPY schemas /opt/nba/schemas
WORKDIR /opt/nba
ENV OPENBLAS_NUM_THREADS=1 \
    NBA_STATE_DIR=/var/lib/nba/state \
    NBA_SECRET_FILE=/var/lib/nba/state/erasure.secret \
    NBA_RELEASE_DIR=/var/lib/nba/releases
VOLUME ["/var/lib/nba"]
USER nba
EXPOSE 9464
STOPSIGNAL SIGTERM
ENTRYPOINT []
CMD ["nba", "run", "--config", "config/container.yaml"]
