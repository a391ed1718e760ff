# docker build -t dunwell . && docker run -v dunwell:/data dunwell
#
# One static binary on an image without a shell: it brings CA certificates, time zones
# and the user nonroot (65532), and /data is the only place where that user may write.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/dunwell ./cmd/dunwell \
    && mkdir /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/dunwell /usr/local/bin/dunwell
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /src/LICENSE /usr/share/doc/dunwell/LICENSE
USER 65532:65532
WORKDIR /data
VOLUME /data
ENTRYPOINT ["/usr/local/bin/dunwell"]
CMD ["serve"]
