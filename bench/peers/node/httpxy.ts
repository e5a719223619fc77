/** httpxy with a kept-alive upstream agent. */
import { Agent, createServer } from "node:http";
import { createProxyServer } from "httpxy";

const proxy = createProxyServer({
  target: `http://127.0.0.1:${process.argv[3]}`,
  agent: new Agent({ keepAlive: true }),
});

const server = createServer((request, response) => {
  proxy.web(request, response).catch(() => response.destroy());
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
