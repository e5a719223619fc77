/** nghttpx with one worker, HTTP/1 on both sides. */
import { commandVersion, missingCommand, type Peer, startPeer } from "./peer.ts";

export const nghttpx: Peer = {
  id: "nghttpx",
  title: "nghttpx",
  protocol: "http",
  isNodePeer: false,
  missing: () => missingCommand("nghttpx", "nghttp2-proxy"),
  version: () => commandVersion("nghttpx", "--version"),
  start: (options) =>
    startPeer(nghttpx, options, (port) => [
      "nghttpx",
      "--conf=/dev/null",
      "--workers=1",
      `--frontend=127.0.0.1,${port};no-tls`,
      `--backend=127.0.0.1,${options.originPort};/;proto=http/1.1`,
      "--errorlog-file=/dev/null",
    ]),
};
