// `sluice run -` as a process with worker threads, and the ports that it got: `await using proxy = await startProxyProcess({ … })`.
import { readFile } from "node:fs/promises";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { AdminClient } from "./admin-client.ts";
import { within } from "./eventually.ts";
import { ANY_PORT } from "./proxy.ts";
import { SluiceProcess } from "./sluice-process.ts";

export interface ProcessOptions {
  readonly concurrency?: number;
  readonly drainTimeS?: number;
}

export class ProxyProcess extends SluiceProcess implements AsyncDisposable {
  constructor(config: SluiceConfig, { concurrency = 2, drainTimeS = 5 }: ProcessOptions) {
    const flags = ["--concurrency", String(concurrency), "--drain-time-s", String(drainTimeS)];
    super(["run", "-", ...flags], JSON.stringify({ admin: ANY_PORT, ...config }));
  }

  /** Of the listener `front`. */
  get frontPort(): number {
    return this.port("front");
  }

  get admin(): AdminClient {
    return new AdminClient(`127.0.0.1:${this.port("admin address")}`);
  }

  /** Resident memory, all threads together. */
  async rssBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

export async function startProxyProcess(config: SluiceConfig, options: ProcessOptions = {}): Promise<ProxyProcess> {
  const proxy = new ProxyProcess(config, options);
  try {
    await within("the proxy serves", proxy.serves(), 25_000);
    return proxy;
  } catch (error) {
    await proxy.kill();
    throw error;
  }
}
