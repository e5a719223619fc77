/** The far end of the TCP benchmark: sends back what it receives. `node echo.ts PORT`. */
import { createServer } from "node:net";

const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.pipe(socket);
  socket.on("error", () => socket.destroy());
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
