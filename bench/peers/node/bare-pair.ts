/** A bare main thread and one worker that listens: what idle memory is compared with. `node bare-pair.ts PORT`. */
import { createServer } from "node:net";
import { isMainThread, Worker, workerData } from "node:worker_threads";

if (isMainThread) {
  new Worker(new URL(import.meta.url), { workerData: Number(process.argv[2]) });
  process.on("SIGTERM", () => process.exit(0));
} else {
  const server = createServer((socket) => {
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
    socket.on("error", () => socket.destroy());
  });
  server.listen(workerData as number, "127.0.0.1");
}
