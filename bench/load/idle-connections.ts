/**
 * Opens many keep-alive connections to a proxy, sends one request on each, reads its answer, and holds them all.
 * `node idle-connections.ts PORT COUNT` prints `HELD n` and stays until SIGTERM. Several source addresses, so that ports last.
 */
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const REQUEST = "GET /70 HTTP/1.1\r\nhost: bench\r\n\r\n";
const OPENING = 64;
const PER_ADDRESS = 10_000;

let opened = 0;
let settled = 0;
let held = 0;

function openOne(): void {
  if (opened === count) return;
  const localAddress = `127.0.0.${2 + Math.floor(opened / PER_ADDRESS)}`;
  opened++;
  let isSettled = false;
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  const settle = (isHeld: boolean): void => {
    if (isSettled) return;
    isSettled = true;
    settled++;
    if (isHeld) held++;
    if (settled === count) process.stdout.write(`HELD ${held}\n`);
    else openOne();
  };
  let text = "";
  socket.on("connect", () => socket.write(REQUEST, "latin1"));
  socket.on("data", (data: Buffer) => {
    text += data.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1 || text.length < end + 4 + 70) return;
    settle(text.startsWith("HTTP/1.1 200"));
    text = "";
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (isSettled) held--;
    settle(false);
  });
}

for (let i = 0; i < OPENING; i++) openOne();
process.on("SIGTERM", () => process.exit(0));
