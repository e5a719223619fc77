// Servers that restart under load, one after another on the same address: no request that can be sent again fails.
import { once } from "node:events";
import { type Http2Server, type ServerHttp2Session, createSecureServer, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { Http2Client } from "../support/http2-client.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { certificate, pem } from "../support/tls.ts";

const STREAMS = 20;
const RESTARTS = 4;
const REQUESTS_BETWEEN = 100;

/** One life of the server. Every fourth request takes a turn of the event loop, so that some are open when it goes. */
class Generation {
  readonly server: Http2Server;
  served = 0;
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor(isSecure: boolean) {
    const { cert, key } = certificate("server");
    this.server = isSecure ? (createSecureServer({ cert, key }) as unknown as Http2Server) : createServer();
    this.server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => {}).on("close", () => this.#sessions.delete(session));
    });
    this.server.on("stream", (stream) => {
      stream.on("error", () => {});
      const body: Buffer[] = [];
      const answer = (): void => {
        stream.respond({ ":status": 200 });
        stream.end(Buffer.concat(body));
      };
      stream.on("data", (data: Buffer) => body.push(data));
      stream.on("end", () => (++this.served % 4 === 0 ? setImmediate(answer) : answer()));
    });
  }

  static async start(isSecure: boolean, port = 0): Promise<Generation> {
    const generation = new Generation(isSecure);
    generation.server.listen({ port, host: "127.0.0.1", reusePort: true });
    await once(generation.server, "listening");
    return generation;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no connection any more, says GOAWAY on those that there are, and is gone when the last stream is over. */
  async retire(): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const session of this.#sessions) session.close();
    await closed;
  }
}

test.each([
  ["HTTP/2 by prior knowledge", false],
  ["found out by ALPN", true],
] as const)(
  "%s",
  async (_title, isSecure) => {
    let live = await Generation.start(isSecure);
    const address = `127.0.0.1:${live.port}`;
    const cluster = isSecure
      ? ({ protocol: "auto", tls: { ca: pem("ca"), sni: "server.test" } } as const)
      : ({ protocol: "http2" } as const);
    await using proxy = await startProxy(forwardTo(address, { cluster }));
    await using client = await Http2Client.open(proxy.port);
    const failures: string[] = [];
    let done = 0;
    let isOver = false;
    const load = async (): Promise<void> => {
      while (!isOver) {
        const body = ++done % 2 === 0 ? `body ${done}` : undefined;
        const answer = await client.send(body === undefined ? {} : { ":method": "POST" }, body);
        if (answer.status !== 200 || answer.body.toString() !== (body ?? ""))
          failures.push(`${answer.status} ${answer.body.toString()}`);
      }
    };
    const loads = Array.from({ length: STREAMS }, load);
    for (let restart = 0; restart < RESTARTS; restart++) {
      const before = done;
      await eventually("requests are served", () => done >= before + REQUESTS_BETWEEN, 30_000);
      const next = await Generation.start(isSecure, live.port);
      const old = live;
      live = next;
      await old.retire();
      await eventually("the next one serves", () => next.served > 0, 30_000);
    }
    isOver = true;
    await Promise.all(loads);
    expect(failures).toEqual([]);
    expect(done).toBeGreaterThan(RESTARTS * REQUESTS_BETWEEN);
    expect(await proxy.admin.stat("cluster.web.upstream_cx_close_notify")).toBeGreaterThanOrEqual(RESTARTS);
    await live.retire().catch(() => {});
  },
  60_000,
);
