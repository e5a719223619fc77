/** One HTTP/2 request with prior knowledge on a connection of its own: for readiness probes and for checking that a proxy's answers are right. */
import { connect, constants, type IncomingHttpHeaders } from "node:http2";

export interface Http2Answer {
  status: number;
  body: Buffer;
  trailers: Readonly<IncomingHttpHeaders>;
}

export function fetchHttp2(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Buffer,
  timeoutMs = 2_000,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const fail = (error: Error): void => {
      session.destroy();
      reject(error);
    };
    session.on("error", fail);
    session.setTimeout(timeoutMs, () => fail(new Error("timed out")));
    const method = body === undefined ? "GET" : "POST";
    const stream = session.request({ ":path": path, ":method": method, ...headers }, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let status = 0;
    let trailers: IncomingHttpHeaders = {};
    stream.on("error", fail);
    stream.on("response", (fields) => (status = Number(fields[constants.HTTP2_HEADER_STATUS])));
    stream.on("trailers", (fields) => (trailers = fields));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      session.close();
      resolve({ status, body: Buffer.concat(chunks), trailers });
    });
    if (body !== undefined) stream.end(body);
  });
}

/** Whether the program on `port` answers `path` with 200 over HTTP/2; never throws. */
export async function answersHttp2(port: number, path: string): Promise<boolean> {
  try {
    return (await fetchHttp2(port, path)).status === 200;
  } catch {
    return false;
  }
}
