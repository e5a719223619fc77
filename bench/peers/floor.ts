/** The featureless codec pair and the bare pipe of bench/floor/: what Node's sockets themselves cost. */
import { join } from "node:path";
import { plainScript } from "../lib/plain-script.ts";
import { type Peer, startPeer } from "./peer.ts";

function floorPeer(id: string, title: string, protocol: "http" | "tcp", file: string): Peer {
  const script = join(import.meta.dirname, "../floor", file);
  const peer: Peer = {
    id,
    title,
    protocol,
    isNodePeer: false,
    missing: () => "",
    version: () => "",
    start: (options) =>
      startPeer(peer, options, (port) => [
        process.execPath,
        ...(options.nodeArgs ?? []),
        plainScript(script),
        String(port),
        String(options.originPort),
      ]),
  };
  return peer;
}

export const floor = floorPeer("floor", "floor (codec pair without features)", "http", "main.ts");
export const pipe = floorPeer("pipe", "bare pipe", "tcp", "pipe.ts");
