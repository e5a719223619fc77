/**
 * Sluice as it is measured: one worker, router and three header filters, statistics and admin on, access log off; and its
 * tcp_proxy. It runs the build where there is one, else the sources.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Peer, type Protocol, startPeer, type StartOptions, writeConfig } from "./peer.ts";

const ROOT = join(import.meta.dirname, "../..");
const BUILT = join(ROOT, "packages/core/dist/cli.js");
const SOURCE = join(ROOT, "packages/core/src/cli/main.ts");

const UPSTREAM_HTTP2 = `      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
`;

function sluiceArgs(): string[] {
  return existsSync(BUILT) ? [BUILT] : ["--conditions=sluice-source", SOURCE];
}

function writeSluiceConfig(options: StartOptions, protocol: Protocol, port: number): string {
  const name = protocol === "tcp" ? "tcp" : "http";
  const file = readFileSync(join(import.meta.dirname, "../configs", `sluice-${name}.yaml`), "utf8");
  // Clients are told apart by what they say first; the upstream's protocol is configured.
  const template = protocol === "h2" ? file.replace(/^ *# upstream protocol\n/m, UPSTREAM_HTTP2) : file;
  return writeConfig(options, `sluice-${protocol}-${port}.yaml`, template, port);
}

function sluicePeer(id: string, title: string, protocol: Protocol): Peer {
  const peer: Peer = {
    id,
    title,
    protocol,
    isNodePeer: false,
    missing: () => (existsSync(BUILT) || existsSync(SOURCE) ? "" : "not built: npm run build"),
    version: () => (existsSync(BUILT) ? "build" : "sources"),
    start: (options) =>
      startPeer(peer, options, (port) => {
        const config = writeSluiceConfig(options, protocol, port);
        return [process.execPath, ...(options.nodeArgs ?? []), ...sluiceArgs(), "run", config, "--concurrency", "1"];
      }),
  };
  return peer;
}

export const sluice = sluicePeer("sluice", "Sluice", "http");
export const sluiceH2 = sluicePeer("sluice", "Sluice", "h2");
export const sluiceH2H1 = sluicePeer("sluice", "Sluice", "h2-h1");
export const sluiceTcp = sluicePeer("sluice-tcp", "Sluice tcp_proxy", "tcp");
