/** One request on a connection of its own: for readiness probes and for checking that a proxy's answers are right. */
import { request } from "node:http";

export interface Answer {
  status: number;
  body: Buffer;
}

export function fetchOnce(port: number, path: string, body?: Buffer, timeoutMs = 2_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({
      host: "127.0.0.1",
      port,
      path,
      method: body === undefined ? "GET" : "POST",
      agent: false,
      timeout: timeoutMs,
    });
    call.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error("timed out")));
    call.on("error", reject);
    if (body === undefined) call.end();
    else {
      call.setHeader("content-length", body.length);
      call.end(body);
    }
  });
}

/** Whether the program on `port` answers `path` with 200; never throws. */
export async function answersOk(port: number, path: string): Promise<boolean> {
  try {
    return (await fetchOnce(port, path)).status === 200;
  } catch {
    return false;
  }
}
