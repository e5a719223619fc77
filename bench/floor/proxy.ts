// Hot path. The featureless codec pair: an HTTP/1 reverse proxy to one origin that reads heads, writes heads, passes bodies
// on, keeps connections alive, and does nothing else. Its cost is what Node's sockets and an HTTP/1 codec cost;
// what Sluice costs beyond it is Sluice's own doing. No validation, limits, time-outs, retries or statistics.

import { connect, createServer, type Server, type Socket } from "node:net";
import { BodyEnd } from "./body.ts";
import { endOfHead, Framing, Head, readHead, statusOf, writeHead } from "./head.ts";

/** Bytes of a chunk that are searched for a head first; a longer head costs a second look. */
const HEAD_PROBE = 4096;
/** A body that is whole in the chunk of its head and at most this long travels in the head's string. */
const SMALL_BODY = 4096;
/** Takes a 64 KB answer with its head in one read (35 against 43 µs); pages that no read touches are never resident. */
const READ_BUFFER = 131_072;
const BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

const Phase = { head: 0, body: 1, answer: 2 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

class Pool {
  readonly port: number;
  readonly idle: Upstream[] = [];

  constructor(port: number) {
    this.port = port;
  }

  take(): Upstream {
    return this.idle.pop() ?? new Upstream(this);
  }

  remove(upstream: Upstream): void {
    const at = this.idle.indexOf(upstream);
    if (at !== -1) this.idle.splice(at, 1);
  }
}

class Downstream {
  readonly socket: Socket;
  readonly pool: Pool;
  readonly head = new Head();
  readonly body = new BodyEnd();
  upstream: Upstream | null = null;
  phase: Phase = Phase.head;
  /** The start of a head whose end has not come. */
  partial = "";
  /** Bytes of the next, pipelined request. */
  queued: Buffer | null = null;
  isHead = false;
  isLast = false;

  constructor(socket: Socket, pool: Pool) {
    this.socket = socket;
    this.pool = pool;
  }

  onData(data: Buffer, at: number): void {
    if (this.phase === Phase.head) this.onHead(data, at);
    else if (this.phase === Phase.body) this.onBody(data, at);
    else this.queue(data.subarray(at));
  }

  onHead(data: Buffer, at: number): void {
    let text = this.partial + data.toString("latin1", at, at + HEAD_PROBE);
    let end = endOfHead(text);
    if (end === -1 && data.length - at > HEAD_PROBE) {
      text = this.partial + data.toString("latin1", at);
      end = endOfHead(text);
    }
    if (end === -1) {
      this.partial = text;
      return;
    }
    const bodyAt = at + end + 2 - this.partial.length;
    this.partial = "";
    const head = this.head;
    if (!readHead(head, text, end)) {
      this.socket.destroy();
      return;
    }
    this.isHead = head.startLine.startsWith("HEAD ");
    this.isLast = !head.isKeepAlive || head.startLine.endsWith("1.0");
    const upstream = this.pool.take();
    upstream.downstream = this;
    this.upstream = upstream;
    this.send(upstream, data, bodyAt, text, end + 2);
  }

  send(upstream: Upstream, data: Buffer, at: number, text: string, textAt: number): void {
    const body = this.body;
    const available = data.length - at;
    const out = writeHead(this.head, false);
    body.start(this.head.framing, this.head.contentLength);
    if (body.isDone) {
      this.phase = Phase.answer;
      upstream.socket.write(out, "latin1");
      if (available > 0) this.queue(data.subarray(at));
      return;
    }
    if (available === 0) {
      this.phase = Phase.body;
      upstream.socket.write(out, "latin1");
      return;
    }
    if (available <= SMALL_BODY && body.fits(available)) {
      const end = body.take(data, at, data.length);
      this.phase = Phase.answer;
      upstream.socket.write(
        out + (text.length - textAt === available ? text.slice(textAt) : data.toString("latin1", at, end)),
        "latin1",
      );
      if (end < data.length) this.queue(data.subarray(end));
      return;
    }
    this.phase = Phase.body;
    upstream.socket.cork();
    upstream.socket.write(out, "latin1");
    this.onBody(data, at);
    upstream.socket.uncork();
  }

  onBody(data: Buffer, at: number): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    const end = this.body.take(data, at, data.length);
    const isDone = this.body.isDone;
    if (isDone) this.phase = Phase.answer;
    const isFree = upstream.socket.write(at === 0 && end === data.length ? data : data.subarray(at, end));
    if (!isDone && !isFree && upstream.socket.writableLength > 0) this.socket.pause();
    if (end < data.length) this.queue(data.subarray(end));
  }

  queue(data: Buffer): void {
    this.queued = this.queued === null ? data : Buffer.concat([this.queued, data]);
    this.socket.pause();
  }

  onAnswered(): void {
    this.upstream = null;
    if (this.phase !== Phase.answer) {
      this.socket.end();
      return;
    }
    if (this.isLast) {
      this.socket.end();
      return;
    }
    this.phase = Phase.head;
    const queued = this.queued;
    if (queued === null) return;
    this.queued = null;
    this.socket.resume();
    this.onData(queued, 0);
  }

  onUpstreamLost(hasAnswered: boolean): void {
    this.upstream = null;
    if (hasAnswered) this.socket.destroy();
    else this.socket.end(BAD_GATEWAY, "latin1");
  }

  onDrain(): void {
    this.upstream?.socket.resume();
  }

  onClose(): void {
    this.upstream?.abandon();
    this.upstream = null;
  }
}

class Upstream {
  readonly socket: Socket;
  readonly pool: Pool;
  readonly head = new Head();
  readonly body = new BodyEnd();
  downstream: Downstream | null = null;
  buffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER);
  isInBody = false;
  hasAnswered = false;
  isReusable = true;
  partial = "";

  constructor(pool: Pool) {
    this.pool = pool;
    this.socket = connect({
      host: "127.0.0.1",
      port: pool.port,
      noDelay: true,
      onread: {
        buffer: () => this.buffer,
        callback: (length) => {
          this.onData(this.buffer, length);
          return true;
        },
      },
    });
    this.socket.on("drain", () => this.downstream?.socket.resume());
    this.socket.on("end", () => this.onEnd());
    this.socket.on("close", () => this.onEnd());
    this.socket.on("error", () => this.socket.destroy());
  }

  onData(data: Buffer, length: number): void {
    const downstream = this.downstream;
    if (downstream === null) {
      this.socket.destroy();
      return;
    }
    if (this.isInBody) this.onBody(downstream, data, 0, length);
    else this.onHead(downstream, data, 0, length);
    // The kernel did not take everything: the queued write still reads this buffer, so the next read needs another.
    if (downstream.socket.writableLength > 0) this.buffer = Buffer.allocUnsafeSlow(READ_BUFFER);
  }

  onHead(downstream: Downstream, data: Buffer, at: number, length: number): void {
    let text = this.partial + data.toString("latin1", at, Math.min(length, at + HEAD_PROBE));
    let end = endOfHead(text);
    if (end === -1 && length - at > HEAD_PROBE) {
      text = this.partial + data.toString("latin1", at, length);
      end = endOfHead(text);
    }
    if (end === -1) {
      this.partial = text;
      return;
    }
    const bodyAt = at + end + 2 - this.partial.length;
    this.partial = "";
    const head = this.head;
    if (!readHead(head, text, end)) {
      this.socket.destroy();
      return;
    }
    this.answer(downstream, data, bodyAt, length, text, end + 2);
  }

  answer(downstream: Downstream, data: Buffer, at: number, length: number, text: string, textAt: number): void {
    const head = this.head;
    const body = this.body;
    const status = statusOf(head.startLine);
    if (status < 200) {
      downstream.socket.write(writeHead(head, false), "latin1");
      if (at < length) this.onHead(downstream, data, at, length);
      return;
    }
    if (downstream.isHead || status === 204 || status === 304) head.framing = Framing.none;
    else if (head.framing === Framing.none) head.framing = Framing.close;
    if (head.framing === Framing.close) downstream.isLast = true;
    this.isReusable = head.isKeepAlive && head.framing !== Framing.close;
    this.hasAnswered = true;
    const out = writeHead(head, downstream.isLast);
    body.start(head.framing, head.contentLength);
    const available = length - at;
    if (body.isDone) {
      downstream.socket.write(out, "latin1");
      this.finish(downstream, available === 0);
      return;
    }
    if (available === 0) {
      this.isInBody = true;
      downstream.socket.write(out, "latin1");
      return;
    }
    if (available <= SMALL_BODY && body.fits(available)) {
      const end = body.take(data, at, length);
      downstream.socket.write(
        out + (text.length - textAt === available ? text.slice(textAt) : data.toString("latin1", at, end)),
        "latin1",
      );
      this.finish(downstream, end === length);
      return;
    }
    this.isInBody = true;
    downstream.socket.cork();
    downstream.socket.write(out, "latin1");
    this.onBody(downstream, data, at, length);
    downstream.socket.uncork();
  }

  onBody(downstream: Downstream, data: Buffer, at: number, length: number): void {
    const end = this.body.take(data, at, length);
    const isFree = downstream.socket.write(data.subarray(at, end));
    if (this.body.isDone) this.finish(downstream, end === length);
    else if (!isFree && downstream.socket.writableLength > 0) this.socket.pause();
  }

  finish(downstream: Downstream, isClean: boolean): void {
    this.isInBody = false;
    this.hasAnswered = false;
    this.downstream = null;
    if (isClean && this.isReusable && downstream.phase === Phase.answer) this.pool.idle.push(this);
    else this.socket.destroy();
    downstream.onAnswered();
  }

  onEnd(): void {
    this.pool.remove(this);
    const downstream = this.downstream;
    if (downstream === null) return;
    this.downstream = null;
    if (this.isInBody && this.head.framing === Framing.close) downstream.onAnswered();
    else downstream.onUpstreamLost(this.hasAnswered);
  }

  abandon(): void {
    this.downstream = null;
    this.socket.destroy();
  }
}

/** A listening proxy to the origin on `port` of the loopback; the caller listens on it. */
export function createFloorProxy(port: number): Server {
  const pool = new Pool(port);
  return createServer({ noDelay: true }, (socket) => {
    const downstream = new Downstream(socket, pool);
    socket.on("data", (data: Buffer) => downstream.onData(data, 0));
    socket.on("drain", () => downstream.onDrain());
    socket.on("close", () => downstream.onClose());
    socket.on("error", () => socket.destroy());
  });
}
