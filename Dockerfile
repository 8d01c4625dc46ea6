# syntax=docker/dockerfile:1

# The binary alone: no shell, no package manager, nothing to update but Firth itself.
#
#   docker build -t firth .
#   docker run --rm firth version
#
#   docker run --rm --volume firth:/data --volume firth-keys:/keys --volume ./tls:/tls:ro --publish 8443:8443 firth \
#     serve --listen :8443 --tls-cert /tls/cert.pem --tls-key /tls/key.pem --base-url https://fhir.example.org:8443/fhir

FROM golang:1.26.11-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# As `make build`.
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/firth ./cmd/firth
RUN mkdir -m 0700 /data /keys

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/firth /usr/local/bin/
COPY --from=build /src/LICENSE /src/NOTICE /licenses/
# The embedded store lives here unless FIRTH_STORE says otherwise; mount a volume to keep it.
COPY --from=build --chown=65532:65532 /data /data
# What must not be in the store: the key that its secrets are sealed under, that which signs checkpoints of the audit trail, and those.
COPY --from=build --chown=65532:65532 /keys /keys
ENV FIRTH_STORE=/data FIRTH_KEYS=/keys
# Numeric, because there is no list of users.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["/usr/local/bin/firth", "health"]
ENTRYPOINT ["/usr/local/bin/firth"]
CMD ["serve"]
