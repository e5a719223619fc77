/** Runs an example's configuration as it stands, but for its addresses: listeners on any free port, upstreams on sockets in a folder of their own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createServer } from "@sluice/core";
import { onTestFinished } from "vitest";

export interface RunningExample {
  /** `127.0.0.1:port` of each listener on a port, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly admin: string | null;
}

/**
 * @param url of the configuration
 * @param ports of the file that stay TCP: clients ask them. Others become Unix sockets, `unix:<folder>/<port>`.
 * @param upstreams ports of the file → addresses of upstreams that the test has
 */
export async function runExample(
  url: URL,
  ports: readonly number[] = [10_000, 9901],
  upstreams: Readonly<Record<number, string>> = {},
): Promise<RunningExample> {
  const file = fileURLToPath(url);
  const folder = mkdtempSync(join(tmpdir(), "sluice-example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const text = readFileSync(file, "utf8")
    .replace(/127\.0\.0\.1:(\d+)/g, (_, port: string) => {
      if (upstreams[Number(port)] !== undefined) return upstreams[Number(port)]!;
      return ports.includes(Number(port)) ? "127.0.0.1:0" : `unix:${folder}/${port}`;
    })
    .replace(/^(extensions: \[")\.("\])/m, (_, before: string, after: string) => `${before}${dirname(file)}${after}`);
  writeFileSync(join(folder, "proxy.yaml"), text);
  const server = createServer({ file: join(folder, "proxy.yaml") });
  onTestFinished(() => server.stop());
  const { listeners, admin } = await server.start();
  const addresses = listeners.filter(({ port }) => port > 0).map(({ name, address }) => [name, address] as const);
  return { addresses: Object.fromEntries(addresses), admin };
}
