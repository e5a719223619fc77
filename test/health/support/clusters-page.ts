// What /clusters says of the hosts of the cluster `web`.
import type { RunningProxy } from "../../support/proxy.ts";
import { send } from "../../support/http-request.ts";

/** A value of every host, by address. */
export async function ofHosts(proxy: RunningProxy, name: string): Promise<Record<string, string>> {
  const { body } = await proxy.admin.get("/clusters");
  const found: Record<string, string> = {};
  for (const line of body.split("\n")) {
    const [cluster, address, key, value] = line.split("::");
    if (cluster === "web" && key === name) found[address!] = value!;
  }
  return found;
}

export function flagsOf(proxy: RunningProxy): Promise<Record<string, string>> {
  return ofHosts(proxy, "health_flags");
}

/** Who answers so many requests, by `x-origin`; each on a connection of its own, so that all workers have some. */
export async function answers(proxy: RunningProxy, count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) seen.add(String((await send(proxy.port, "/")).headers["x-origin"]));
  return seen;
}
