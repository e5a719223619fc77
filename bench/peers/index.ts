/** Every proxy that can be measured, in the order of the tables. */
import { floor, pipe } from "./floor.ts";
import { haproxy, haproxyH2, haproxyH2H1, haproxyTcp } from "./haproxy.ts";
import { nghttpx, nghttpxH2, nghttpxH2H1 } from "./nghttpx.ts";
import { nginx } from "./nginx.ts";
import { nodeHttp2, nodePeer, type Peer } from "./peer.ts";
import { sluice, sluiceH2, sluiceH2H1, sluiceTcp } from "./sluice.ts";

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
  sluiceH2,
  haproxyH2,
  nghttpxH2,
  nodeHttp2,
  sluiceH2H1,
  haproxyH2H1,
  nghttpxH2H1,
  sluiceTcp,
  pipe,
  haproxyTcp,
];
