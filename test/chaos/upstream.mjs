// An HTTP/1 upstream in a process of its own that misbehaves as it is told. Argument: its port, 0 for any; it tells which it has.
import { createServer } from "node:http";

let mood = "good";
const sockets = new Set();
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks = [];
  request.on("error", () => {});
  response.on("error", () => {});
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => answer(request, response, Buffer.concat(chunks)));
});

function answer(request, response, body) {
  const good = () => response.end(`${request.method} ${request.url} ${body}`);
  switch (mood) {
    case "good":
      return good();
    case "babbling": {
      // An answer that nobody asked for, behind the one that somebody did.
      const text = `${request.method} ${request.url} ${body}`;
      const extra = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
      return void request.socket.write(
        `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}${extra}`,
      );
    }
    case "slow":
      return void setTimeout(good, 3000);
    case "garbage":
      return void request.socket.write("\u0000\u0001 this is no HTTP\r\n\r\n");
    case "reset":
      return void request.socket.resetAndDestroy();
    case "closing":
      return void request.socket.end();
    case "unavailable":
      return void response.writeHead(503, { "content-type": "text/plain" }).end("not now");
  }
}

server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("error", () => {}).on("close", () => sockets.delete(socket));
});

const listen = (port) => server.listen(port, "127.0.0.1", () => process.send({ port: server.address().port }));
const { port } = await new Promise((resolve) => {
  server.once("listening", () => resolve(server.address()));
  listen(Number(process.argv[2]));
});

process.on("message", (next) => {
  mood = next;
  if (next === "refusing") {
    server.close(() => process.send({ port }));
    for (const socket of sockets) socket.destroy();
  } else if (!server.listening) listen(port);
  else process.send({ port });
});
process.on("disconnect", () => process.exit());
