/** http-proxy-3 with a kept-alive upstream agent. */
import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

const proxy = createProxyServer({
  target: `http://127.0.0.1:${process.argv[3]}`,
  agent: new Agent({ keepAlive: true }),
});
proxy.on("error", (_error, _request, response) => response.destroy());

const server = createServer((request, response) => {
  proxy.web(request, response);
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
