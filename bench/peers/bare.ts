/** Node without a proxy: the server whose start Sluice's start is compared with, and the pair of threads for its idle memory. */
import { join } from "node:path";
import { plainScript } from "../lib/plain-script.ts";
import { type Peer, startPeer } from "./peer.ts";

function barePeer(id: string, title: string): Peer {
  const script = join(import.meta.dirname, "node", `${id}.ts`);
  const peer: Peer = {
    id,
    title,
    protocol: "http",
    isNodePeer: false,
    missing: () => "",
    version: () => process.versions.node,
    start: (options) => startPeer(peer, options, (port) => [process.execPath, plainScript(script), String(port)]),
  };
  return peer;
}

export const bareHttp = barePeer("bare-http", "bare node:http server");
export const barePair = barePeer("bare-pair", "bare main thread and worker");
