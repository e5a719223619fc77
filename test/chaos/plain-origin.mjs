// An upstream as they are, in a process of its own: HTTP/1 or HTTP/2, fails its checks when it is about to leave, ends in order when it is told to. Arguments: its port, 0 for any, and its protocol; it tells which port it has.
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";

const isHttp2 = process.argv[3] === "http2";
const sessions = new Set();
/** Of HTTP/1, with the requests that they carry. */
const sockets = new Map();
let leaves = false;
let ends = false;

function answer(request, response) {
  if (!isHttp2) {
    const { socket } = request;
    sockets.set(socket, 1);
    response.on("close", () => sockets.has(socket) && sockets.set(socket, 0));
    if (ends) response.setHeader("connection", "close");
  }
  if (request.url === "/healthz") {
    response.statusCode = leaves ? 503 : 200;
    response.end();
    return;
  }
  const chunks = [];
  request.on("error", () => {});
  response.on("error", () => {});
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`));
}

const server = isHttp2 ? createHttp2Server(answer) : createServer({ keepAliveTimeout: 60_000 }, answer);
server.on("session", (session) => {
  sessions.add(session);
  session.on("error", () => {}).on("close", () => sessions.delete(session));
});
if (!isHttp2) {
  server.on("connection", (socket) => {
    sockets.set(socket, 0);
    socket.on("close", () => sockets.delete(socket));
  });
}
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1" }, () =>
  process.send({ port: server.address().port }),
);
process.on("SIGTERM", () => {
  server.close(() => process.exit());
  ends = true;
  for (const session of sessions) session.close();
  // Also those that were opened and carried nothing yet, which Node keeps.
  for (const [socket, requests] of sockets) if (requests === 0) socket.destroySoon();
});
process.on("message", () => {
  leaves = true;
  process.send({});
});
process.on("disconnect", () => process.exit());
