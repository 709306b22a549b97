# The image of cnpg-mcp: Node.js without a shell or a package manager, and the bundled server. To build and run it:
#
#   docker build --tag cnpg-mcp .
#   docker run --rm cnpg-mcp --help
#
# `--target debug` makes a variant with a shell and npm, to look around in. Renovate keeps the digests up to date.
# Where there is no container engine, e2e/image makes the same content; a test holds the two together.

ARG NODE_IMAGE=node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:bb6b03d81066993293a10feda7250e8e1cc034035fe9b61cfceededa7c8bf04d

# The bundle is the same for every platform, so it is built once, on the platform that builds.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS deps
ARG PNPM_VERSION=12.21.0
WORKDIR /build
RUN npm install --global --no-audit --no-fund pnpm@${PNPM_VERSION}
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY server/package.json server/
COPY rbac-bootstrap/package.json rbac-bootstrap/
COPY e2e/package.json e2e/
# Exactly what the lockfile says. e2e has the simulated cluster of `cnpg-mcp demo`; what its tests need is left out.
RUN --mount=type=cache,id=pnpm,target=/pnpm \
    pnpm install --frozen-lockfile --store-dir /pnpm --filter cnpg-mcp && \
    pnpm install --frozen-lockfile --store-dir /pnpm --filter cnpg-mcp-e2e --prod

FROM deps AS build
# The packages in the bundle can be seen only here; without this, the SBOM would have nothing but the base.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
COPY e2e/simulator e2e/simulator
COPY server server
# Nothing is installed here: pnpm would add what was left out.
RUN pnpm --config.verify-deps-before-run=false --filter cnpg-mcp build

FROM ${NODE_IMAGE} AS debug
COPY --from=build /build/server/dist /app
WORKDIR /app
ENV NODE_ENV=production
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/app/main.js"]
CMD ["serve"]

FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="cnpg-mcp" \
      org.opencontainers.image.description="MCP server for PostgreSQL on Kubernetes with CloudNativePG" \
      org.opencontainers.image.source="https://github.com/cnpg-mcp/cnpg-mcp" \
      org.opencontainers.image.documentation="https://github.com/cnpg-mcp/cnpg-mcp/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      io.modelcontextprotocol.server.name="io.github.cnpg-mcp/cnpg-mcp"
COPY --from=build /build/server/dist /app
WORKDIR /app
ENV NODE_ENV=production
# A number: Kubernetes cannot tell from a name that a user is not root.
USER 65532:65532
# Nothing is written, so the root file system may be read-only. Ports are 3000 (MCP) and 9464 (health and metrics); neither is
# open to others before somebody says who may call: see docs/install.md.
EXPOSE 3000 9464
# Kubernetes has probes of its own. Node.js is process 1 and ends on SIGTERM by itself, after running calls.
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/nodejs/bin/node", "/app/main.js", "healthcheck"]
# No flags for memory: `serve` sets them itself, to the same effect.
ENTRYPOINT ["/nodejs/bin/node", "/app/main.js"]
CMD ["serve"]
