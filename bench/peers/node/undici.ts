/** An undici pool behind node:http by its lowest-level interface: the cheapest proxy that Node's own HTTP can be. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

const pool = new Pool(`http://127.0.0.1:${process.argv[3]}`, { pipelining: 1 });

function forwardable(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const lower = name.toLowerCase();
    if (lower !== "connection" && lower !== "keep-alive" && lower !== "transfer-encoding")
      kept.push(name, fields[i + 1] as string);
  }
  return kept;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly response: ServerResponse;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    delete headers["connection"];
    delete headers["keep-alive"];
    delete headers["transfer-encoding"];
    this.response.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.response.write(chunk)) return;
    controller.pause();
    this.response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    this.response.end();
  }

  onResponseError(): void {
    if (this.response.headersSent) this.response.destroy();
    else this.response.writeHead(502).end();
  }
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
}

const server = createServer((request, response) => {
  pool.dispatch(
    {
      path: request.url as string,
      method: request.method as Dispatcher.HttpMethod,
      headers: forwardable(request.rawHeaders),
      body: hasBody(request) ? request : null,
    },
    new Exchange(response),
  );
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
