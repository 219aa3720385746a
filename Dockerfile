# The command aicc in a container of its own, as a user who is not root.
#
#     docker build -t aicc .
#     docker run --rm -v aicc:/var/lib/aicc -v /srv/secrets:/run/secrets:ro -v "$PWD:/work:ro" \
#       -e AICC_BASE_URL=https://service.besclouds.com \
#       -e AICC_APP_KEY_FILE=/run/secrets/app_key -e AICC_APP_SECRET_FILE=/run/secrets/app_secret \
#       aicc plan /work/night.csv
#
# Jobs and tokens are kept in the volume. Secrets come from files, so that they are in no image, environment or list of processes.

FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential debhelper
WORKDIR /build/aicc
COPY . .
RUN DEBIAN_FRONTEND=noninteractive apt-get build-dep -y --no-install-recommends -P nocheck . \
 && DEB_BUILD_OPTIONS='nocheck noautodbgsym' dpkg-buildpackage -us -uc -b -Pnocheck

FROM debian:trixie-slim
COPY --from=build /build/*.deb /tmp/packages/
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /tmp/packages/*.deb lua-dbi-postgresql ca-certificates \
 && rm -rf /tmp/packages /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --home-dir /var/lib/aicc --create-home --shell /usr/sbin/nologin aicc
USER 10001:10001
ENV HOME=/var/lib/aicc
WORKDIR /var/lib/aicc
VOLUME /var/lib/aicc
ENTRYPOINT ["aicc"]
CMD ["--help"]
