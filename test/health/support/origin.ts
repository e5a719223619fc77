// An origin in a process of its own, which is told over its standard input how to behave: it can lie, be slow, hang, and die.
import { createServer } from "node:http";
import { createInterface } from "node:readline";

type Mode = "ok" | "sick" | "lies" | "slow" | "resets" | "degraded" | "leave";

const port = Number(process.argv[2] ?? 0);
let mode: Mode = "ok";

const server = createServer((request, response) => {
  const isCheck = request.url === "/healthz";
  response.setHeader("x-origin", String(process.pid));
  if (mode === "resets") {
    request.socket.resetAndDestroy();
    return;
  }
  // It never answers; its connections stand.
  if (mode === "slow") return;
  if (mode === "degraded" && isCheck) response.setHeader("x-envoy-degraded", "1");
  if (mode === "leave" && !isCheck) response.setHeader("x-envoy-immediate-health-check-fail", "true");
  response.statusCode = mode === "sick" || (mode === "lies" && !isCheck) ? 503 : 200;
  response.end(isCheck ? "fine" : mode);
});
server.listen(port, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
createInterface(process.stdin).on("line", (line) => {
  mode = line as Mode;
  process.stdout.write(`${mode}\n`);
});
// Whoever started it is gone.
process.stdin.on("end", () => {
  server.close();
  server.closeAllConnections();
});
