import { describe, expect, it } from "vitest";
import { routeConfig, routeMatch, route, virtualHost } from "../../../../../test/support/route-model.ts";
import { HttpHarness, ScriptedTerminal } from "../../testing/http-harness.ts";

async function seen(from: string | null): Promise<(string | undefined)[]> {
  const terminal = new ScriptedTerminal();
  const config = routeConfig([virtualHost({ routes: [route({ match: routeMatch() })] })], {
    internalOnlyHeaders: ["x-internal-user", "x-cluster"],
  });
  const harness = new HttpHarness([terminal.filter], {
    routeConfig: config,
    hcm: { routeConfig: config, internalCidrs: ["10.0.0.0/8"] },
  });
  const forwarded: Record<string, string> = from === null ? {} : { "x-forwarded-for": from };
  await harness.request({ ...forwarded, "x-internal-user": "root", "x-cluster": "secret", "x-other": "1" });
  const { requestHeaders: headers } = terminal;
  return [headers["x-internal-user"], headers["x-cluster"], headers["x-other"]];
}

describe("internal_only_headers of a route configuration", () => {
  it("are taken from external requests before any filter sees them", async () => {
    expect(await seen("192.0.2.1")).toEqual([undefined, undefined, "1"]);
    expect(await seen(null)).toEqual([undefined, undefined, "1"]);
  });

  it("stay on internal ones", async () => {
    expect(await seen("10.0.0.1")).toEqual(["root", "secret", "1"]);
    expect(await seen("10.0.0.1, 10.0.0.2")).toEqual([undefined, undefined, "1"]);
  });
});
