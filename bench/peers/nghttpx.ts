/** nghttpx with one worker: HTTP/1 on both sides, HTTP/2 on both, HTTP/2 before HTTP/1. */
import { commandVersion, missingCommand, type Peer, type Protocol, startPeer } from "./peer.ts";

function nghttpxPeer(protocol: Protocol): Peer {
  const peer: Peer = {
    id: "nghttpx",
    title: "nghttpx",
    protocol,
    isNodePeer: false,
    missing: () => missingCommand("nghttpx", "nghttp2-proxy"),
    version: () => commandVersion("nghttpx", "--version"),
    start: (options) =>
      startPeer(peer, options, (port) => [
        "nghttpx",
        "--conf=/dev/null",
        "--workers=1",
        `--frontend=127.0.0.1,${port};no-tls`,
        `--backend=127.0.0.1,${options.originPort};/;proto=${protocol === "h2" ? "h2" : "http/1.1"}`,
        "--errorlog-file=/dev/null",
      ]),
  };
  return peer;
}

export const nghttpx = nghttpxPeer("http");
export const nghttpxH2 = nghttpxPeer("h2");
export const nghttpxH2H1 = nghttpxPeer("h2-h1");
