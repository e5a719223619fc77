/** @fastify/http-proxy with its default undici client, and as many upstream connections as the load has. */
import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";

const server = fastify({ logger: false });
server.register(httpProxy, {
  upstream: `http://127.0.0.1:${process.argv[3]}`,
  undici: { connections: 512, pipelining: 1, keepAliveTimeout: 60_000 },
});

await server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
