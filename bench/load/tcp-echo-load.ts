/**
 * The load of the TCP benchmark: keeps a window of 64 KB writes on the way through a proxy to an echo server and back, for
 * a bounded time. `node tcp-echo-load.ts PORT CONNECTIONS SECONDS` prints one JSON line: the bytes that came back, and errors.
 */
import { connect, type Socket } from "node:net";

const BLOCK = Buffer.alloc(65_536, "z");
/** Blocks on the way per connection: enough that no hop waits for the next one. */
const WINDOW = 4;

const [port, connections, seconds] = process.argv.slice(2).map(Number) as [number, number, number];

class Stream {
  readonly socket: Socket;
  received = 0;
  onTheWay = 0;
  isOpen = false;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(262_144);
    this.socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.onBytes(length);
          return true;
        },
      },
    });
    this.socket.on("connect", () => {
      this.isOpen = true;
      this.fill();
    });
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => {
      this.isOpen = false;
    });
  }

  onBytes(length: number): void {
    this.received += length;
    this.onTheWay -= length;
    this.fill();
  }

  fill(): void {
    while (this.onTheWay + BLOCK.length <= WINDOW * BLOCK.length) {
      this.onTheWay += BLOCK.length;
      this.socket.write(BLOCK);
    }
  }
}

const streams = Array.from({ length: connections }, () => new Stream());

setTimeout(() => {
  const received = streams.reduce((sum, stream) => sum + stream.received, 0);
  const errors = streams.filter((stream) => !stream.isOpen || stream.received === 0).length;
  process.stdout.write(`${JSON.stringify({ received, errors })}\n`, () => process.exit(0));
}, seconds * 1000);
