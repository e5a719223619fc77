// An origin of bare TCP that keeps what it gets: every byte goes through the strict reader. It answers whole requests alone, each with its own id, or with the
// bytes that a case has written for it.
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import type { Seen } from "./seen.ts";
import { type Message, type Pair, readRequest, valuesOf } from "./strict-http1.ts";

/** What an origin sends for one case. */
export interface ScriptedAnswer {
  readonly bytes: string;
  /** The connection is closed behind them. */
  readonly ends: boolean;
}

export interface OriginRules {
  readonly seen: Seen;
  /** By the case's id. */
  readonly answers: ReadonlyMap<string, ScriptedAnswer>;
  /** Look-alikes with an underscore are to be kept away from this one. */
  readonly isHardened: boolean;
  /** The one protocol that may be asked for; "" where there is none. */
  readonly upgrade: string;
}

const OF_ONE_HOP = ["keep-alive", "proxy-connection", "http2-settings"];

/** What no request of a proxy may carry, beside what no request may. "" where all is well. */
export function forwardedFault({ fields }: Message, rules: Pick<OriginRules, "isHardened" | "upgrade">): string {
  for (const name of OF_ONE_HOP) if (valuesOf(fields, name).length > 0) return `the field ${name}`;
  for (const value of valuesOf(fields, "connection")) {
    if (!["te", "upgrade", "close", "keep-alive"].includes(value)) return `connection: ${value}`;
  }
  const te = valuesOf(fields, "te");
  if (te.length > 1 || te.some((value) => value !== "trailers")) return `te: ${te.join(" and ")}`;
  const upgrades = valuesOf(fields, "upgrade");
  if (upgrades.length > 1 || upgrades.some((value) => value !== rules.upgrade))
    return `upgrade: ${upgrades.join(" and ")}`;
  if (rules.isHardened) for (const [name] of fields) if (name.includes("_")) return `the name ${name}`;
  return "";
}

export class Http1Origin implements AsyncDisposable {
  readonly #server: Server;
  readonly #rules: OriginRules;
  readonly #sockets = new Set<Socket>();

  private constructor(rules: OriginRules) {
    this.#rules = rules;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(rules: OriginRules): Promise<Http1Origin> {
    const origin = new Http1Origin(rules);
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return origin;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(socket: Socket): void {
    let unread = "";
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    socket.on("data", (data: Buffer) => {
      unread += data.toString("latin1");
      while (unread !== "") {
        const next = readRequest(unread);
        if (next.kind === "partial") return;
        const why = next.kind === "illegal" ? next.why : forwardedFault(next.message, this.#rules);
        if (why !== "" || next.kind === "illegal") {
          this.#rules.seen.fault(
            /x-case: *(\w{4})/i.exec(unread)?.[1] ?? "",
            `${why}: ${JSON.stringify(unread.slice(0, 400))}`,
          );
          socket.destroy();
          return;
        }
        unread = unread.slice(next.size);
        this.#answer(socket, next.message);
      }
    });
  }

  #answer(socket: Socket, { startLine, fields, body }: Message): void {
    const [method = "", target = ""] = startLine.split(" ");
    const { id, part } = this.#rules.seen.request(fields, method, target, body);
    const script = part === "main" ? this.#rules.answers.get(id) : undefined;
    if (script !== undefined) {
      socket.write(script.bytes, "latin1");
      if (script.ends) socket.end();
      return;
    }
    const echo = method === "HEAD" ? "" : "echo";
    socket.write(`HTTP/1.1 200 OK\r\nx-origin: ${id}:${part}\r\ncontent-length: 4\r\n\r\n${echo}`, "latin1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

/** Whether a list of fields came from an origin of ours, and which of the requests it answers: `id:part`; "" where the proxy answered. */
export function originOf(fields: readonly Pair[]): string {
  return valuesOf(fields, "x-origin").join(" and ");
}
