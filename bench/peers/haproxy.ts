/** HAProxy with one thread: HTTP/1, HTTP/2, and TCP; everything else at its defaults, but that HTTP/2 upstream connections may be shared from the first request on. */
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
  bind 127.0.0.1:{PORT} {BIND}
  default_backend origin
backend origin
  {REUSE}
  server origin 127.0.0.1:{ORIGIN} {SERVER}
`;

function haproxyPeer(id: string, title: string, protocol: Protocol): Peer {
  const peer: Peer = {
    id,
    title,
    protocol,
    isNodePeer: false,
    missing: () => missingCommand("haproxy", "haproxy"),
    version: () => commandVersion("haproxy", "-v"),
    start: (options) =>
      startPeer(peer, options, (port) => {
        const config = CONFIG.replace("{MODE}", protocol === "tcp" ? "tcp" : "http")
          .replace("{BIND}", protocol === "h2" || protocol === "h2-h1" ? "proto h2" : "")
          // Its default opens a connection for the first request of every client, and keeps them all.
          .replace("{REUSE}", protocol === "h2" ? "http-reuse always" : "")
          .replace("{SERVER}", protocol === "h2" ? "proto h2" : "");
        return ["haproxy", "-db", "-f", writeConfig(options, `${id}-${protocol}.cfg`, config, port)];
      }),
  };
  return peer;
}

export const haproxy = haproxyPeer("haproxy", "HAProxy", "http");
export const haproxyH2 = haproxyPeer("haproxy", "HAProxy", "h2");
export const haproxyH2H1 = haproxyPeer("haproxy", "HAProxy", "h2-h1");
export const haproxyTcp = haproxyPeer("haproxy-tcp", "HAProxy, TCP mode", "tcp");
