/** HAProxy with one thread, as an HTTP and as a TCP proxy; everything else at its defaults. */
import { commandVersion, missingCommand, type Peer, type Protocol, startPeer, writeConfig } from "./peer.ts";

const CONFIG = `global
  nbthread 1
  maxconn 4096
defaults
  mode {MODE}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:{PORT}
  default_backend origin
backend origin
  server origin 127.0.0.1:{ORIGIN}
`;

function haproxyPeer(id: string, protocol: Protocol): Peer {
  const peer: Peer = {
    id,
    title: protocol === "http" ? "HAProxy" : "HAProxy, TCP mode",
    protocol,
    isNodePeer: false,
    missing: () => missingCommand("haproxy", "haproxy"),
    version: () => commandVersion("haproxy", "-v"),
    start: (options) =>
      startPeer(peer, options, (port) => {
        const config = CONFIG.replace("{MODE}", protocol);
        return ["haproxy", "-db", "-f", writeConfig(options, `${id}.cfg`, config, port)];
      }),
  };
  return peer;
}

export const haproxy = haproxyPeer("haproxy", "http");
export const haproxyTcp = haproxyPeer("haproxy-tcp", "tcp");
