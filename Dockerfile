# The image of the coordinator: docs/deploy.md says how it is built, run and checked.
#
#   docker build -t tercet .                      the coordinator, and `migrate` by `docker run … tercet src/migrate.ts`
#   docker build -t tercet-demo --target demo .   the same with the demo's participants and load (compose.yaml)
#
# Both bases can be pinned: --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:… and RUNTIME_IMAGE likewise. They must be of
# the same Debian release. `test/image` reads this file, and fails on an instruction or a command that it does not know.
ARG NODE_IMAGE=node:24-trixie-slim
ARG RUNTIME_IMAGE=debian:trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
# Before the sources: as long as these files stay, so does the layer of the dependencies.
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json sdk/
# A mirror of the registry, where one is given.
ARG NPM_CONFIG_REGISTRY
# The base has Node 24, so the packages that carry it are omitted. No dependency needs its install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
# What nothing reads at run time: source maps, type declarations, SQLite's sources and its binaries for other systems.
RUN find node_modules -type f -regex '.*\.\(map\|d\.[cm]?ts\)' -delete \
  && find node_modules/better-sqlite3/prebuilds -type f ! -name 'linux-*' -delete \
  && rm -r node_modules/better-sqlite3/deps node_modules/better-sqlite3/src node_modules/typeorm/browser
COPY migrations migrations
COPY sdk/src sdk/src
COPY src src
COPY examples examples
# A checkout may be closed to other users; the coordinator runs as one of them.
RUN chmod -R u=rwX,go=rX package.json sdk migrations src examples

# Only the binary of Node moves on. It needs libstdc++6 and libgcc-s1, which apt of the base depends on. So there is no npm, npx,
# corepack or yarn in any layer, and this stage runs no command.
FROM ${RUNTIME_IMAGE} AS base
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/package.json ./
COPY --from=build /app/migrations migrations
COPY --from=build /app/src src
ENV NODE_ENV=production
# On this address a coordinator starts only with TERCET_API_TOKENS, or with TERCET_ALLOW_ANONYMOUS=true.
ENV TERCET_HOST=0.0.0.0
USER 65532:65532
ENTRYPOINT ["node"]

FROM base AS demo
COPY --from=build /app/sdk sdk
COPY --from=build /app/examples examples
# A new volume that is mounted here gets these rights: each participant keeps its database in one.
USER root
RUN mkdir -m 1777 data
USER 65532:65532
# The participants take the SDK from its sources.
ENTRYPOINT ["node", "--conditions=tercet-source"]

FROM base
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --start-interval=2s --retries=3 \
  CMD ["node", "src/healthcheck.ts"]
CMD ["src/main.ts"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tercet" \
  org.opencontainers.image.description="A coordinator of TCC transactions and sagas for services over HTTP" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="Apache-2.0"
