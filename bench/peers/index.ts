/** Every proxy that can be measured, in the order of the tables. */
import { floor, pipe } from "./floor.ts";
import { haproxy, haproxyTcp } from "./haproxy.ts";
import { nghttpx } from "./nghttpx.ts";
import { nginx } from "./nginx.ts";
import { nodePeer, type Peer } from "./peer.ts";
import { sluice, sluiceTcp } from "./sluice.ts";

export const PEERS: readonly Peer[] = [
  sluice,
  floor,
  haproxy,
  nginx,
  nghttpx,
  nodePeer("undici", "undici"),
  nodePeer("httpxy", "httpxy"),
  nodePeer("http-proxy-3", "http-proxy-3"),
  nodePeer("fastify-http-proxy", "@fastify/http-proxy"),
  sluiceTcp,
  pipe,
  haproxyTcp,
];
