/**
 * The bare TCP pipe: two sockets, each piped into the other, nothing else. What TCP proxying costs in Node at the
 * least: `node pipe.ts PORT ORIGIN_PORT`.
 */
import { connect, createServer } from "node:net";

const originPort = Number(process.argv[3]);

const server = createServer({ noDelay: true, allowHalfOpen: true }, (downstream) => {
  const upstream = connect({ port: originPort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  downstream.pipe(upstream);
  upstream.pipe(downstream);
  downstream.on("error", () => upstream.destroy());
  upstream.on("error", () => downstream.destroy());
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
