// One HTTP request by Node's own client, whole: what a program behind the proxy would see.
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly trailers?: Readonly<Record<string, string>>;
  /** @default a new connection */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: NodeJS.Dict<string>;
  /** Statuses of the 1xx responses before. */
  readonly informational: readonly number[];
}

export async function send(port: number, path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = "GET", headers, body, trailers, agent, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const informational: number[] = [];
  const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent: agent ?? false, signal });
  outgoing.on("information", ({ statusCode }) => informational.push(statusCode));
  outgoing.on("error", reject);
  outgoing.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      const whole = Buffer.concat(chunks);
      const { statusCode = 0, headers: received, rawHeaders } = response;
      resolve({
        status: statusCode,
        headers: received,
        rawHeaders,
        body: whole,
        text: whole.toString(),
        trailers: response.trailers,
        informational,
      });
    });
  });
  if (trailers !== undefined) outgoing.addTrailers(trailers);
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) outgoing.end(body);
  else {
    for await (const chunk of body) outgoing.write(chunk);
    if (trailers !== undefined) outgoing.addTrailers(trailers);
    outgoing.end();
  }
  return promise;
}

/** The JSON that the echo origin answered. */
export function parsed<T>(response: Response): T {
  return JSON.parse(response.text) as T;
}
