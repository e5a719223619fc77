/**
 * The admin interface over HTTP. It knows no users: it belongs on loopback or a Unix socket. There, pages of a browser on the same machine are
 * kept out: a request must name this machine as its host (DNS rebinding), and come from no other site.
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { chmod } from "node:fs/promises";
import type { AddressModel } from "../../config/model.ts";
import type { LogSink } from "../../worker/log.ts";
import { explainBindError } from "../../worker/bind-error.ts";
import { ApplyError, formatAddress } from "../../worker/data-plane.ts";
import { probeAddress } from "../probe.ts";
import { type AdminContext, type AdminReply, text } from "./endpoint.ts";
import { endpoints, helpText } from "./endpoints.ts";

/** An import would also load Node's fetch: 14 MB and 30 ms. */
const { createServer } = process.getBuiltinModule("node:http");

const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));

export class AdminServer {
  readonly #context: AdminContext;
  readonly #log: LogSink;
  readonly #server: HttpServer;
  #address: AddressModel | null = null;

  constructor(context: AdminContext, log: LogSink) {
    this.#context = context;
    this.#log = log;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get address(): AddressModel | null {
    return this.#address;
  }

  /** @throws ApplyError where the address cannot be bound. */
  async listen(address: AddressModel): Promise<void> {
    // A stale socket file is removed, and what is alive is left alone.
    const inTheWay = address.kind === "pipe" ? await probeAddress(address) : null;
    if (inTheWay !== null) throw new ApplyError(`admin: ${inTheWay}`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", (error) =>
      reject(new ApplyError(`admin: ${formatAddress(address)} ${explainBindError(error)}`)),
    );
    this.#server.listen(
      address.kind === "pipe" ? { path: address.path } : { host: address.host, port: address.port },
      resolve,
    );
    await promise;
    if (address.kind === "ip") {
      this.#address = { ...address, port: (this.#server.address() as AddressInfo).port };
    } else {
      this.#address = address;
      if (address.mode !== 0) await chmod(address.path, address.mode);
    }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: AdminReply;
    try {
      reply = refuseForeign(request) ?? (await this.#dispatch(request, response));
    } catch (error) {
      this.#log.write("error", "admin", `${request.method} ${request.url} failed`, {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      reply = text("internal error\n", 500);
    }
    const { status, body, contentType = "text/plain; charset=UTF-8" } = reply;
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-cache, max-age=0",
      "x-content-type-options": "nosniff",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<AdminReply> {
    const url = URL.parse(request.url ?? "/", "http://admin.invalid");
    const endpoint = url === null ? undefined : byPath.get(url.pathname);
    if (url === null || endpoint === undefined) return text(`invalid path. ${helpText()}`, 404);
    const { method = "" } = request;
    if (endpoint.mutates === true && method !== "POST")
      return text(`Method ${method} not allowed, POST required.`, 405);
    request.resume();
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    return endpoint.handle(url.searchParams, this.#context, gone.signal);
  }
}

function refuseForeign(request: IncomingMessage): AdminReply | null {
  const { localAddress } = request.socket;
  if (localAddress !== undefined && isLoopback(localAddress) && !namesThisMachine(request.headers.host)) {
    return text("the host header does not name this machine\n", 403);
  }
  const { origin } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if ((origin !== undefined && URL.parse(origin)?.host !== request.headers.host) || site === "cross-site") {
    return text("requests from other sites are refused\n", 403);
  }
  return null;
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}

/** An IP address, `localhost`, or a name below it: names that no other site can own. */
function namesThisMachine(host: string | undefined): boolean {
  const name = host === undefined ? undefined : URL.parse(`http://${host}`)?.hostname;
  if (name === undefined) return false;
  return name === "localhost" || name.endsWith(".localhost") || isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}
