// `sluice explain`, on what the connection manager does with a request before routes and filters see it.
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../packages/core/src/config/index.ts";
import { type Explanation, explain } from "../../packages/core/src/explain/explain.ts";
import type { RequestDescription } from "../../packages/core/src/explain/explained-request.ts";
import { formatExplanation } from "../../packages/core/src/explain/format-explanation.ts";
import { builtinRegistry } from "../config/support/filters.ts";

describe("what the connection manager does first", () => {
  const any = (type: string, rest: object = {}) => ({ "@type": `type.googleapis.com/${type}`, ...rest });
  const filter = (name: string, type: string, rest: object = {}) => ({
    name,
    typed_config: any(`envoy.extensions.filters.http.${type}`, rest),
  });
  const router = filter("router", "router.v3.Router");
  const append = { header: { key: "x-early", value: "1" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
  const manager = any("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "x",
    common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" },
    early_header_mutation_extensions: [
      {
        name: "early",
        typed_config: any("envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", {
          mutations: [{ remove: "x-gone" }, { append }],
        }),
      },
    ],
    upgrade_configs: [
      { upgrade_type: "websocket", filters: [filter("sized", "buffer.v3.Buffer", { max_request_bytes: 9 }), router] },
    ],
    http_filters: [router],
    route_config: {
      virtual_hosts: [
        { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 204 } }] },
      ],
    },
  });
  const value = {
    static_resources: {
      listeners: [
        {
          name: "l",
          address: { socket_address: { address: "127.0.0.1", port_value: 1 } },
          filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
        },
      ],
    },
  };
  const ask = async (rest: Partial<RequestDescription>): Promise<Explanation> => {
    const registry = builtinRegistry();
    const { config, problems } = await loadConfig({ value, name: "v" }, { registry });
    expect(problems.format()).toBe("");
    return explain(config!, registry, { method: "GET", host: "x", path: "/", headers: [], ...rest })[0]!;
  };
  const upgradeTo = (type: string) =>
    [
      ["connection", "upgrade"],
      ["upgrade", type],
    ] as const;

  test("is to change headers, which are named", async () => {
    const found = await ask({
      headers: [
        ["x-gone", "1"],
        ["x-stays", "1"],
      ],
    });
    expect(found.changedHeaders).toEqual(["x-gone", "x-early"]);
    expect(formatExplanation(found)).toContain("early changes of headers: x-gone, x-early\n");
  });

  test("is to choose the filters of an upgrade", async () => {
    const found = await ask({ headers: upgradeTo("websocket") });
    expect([found.answered, found.upgrade, found.filters.map(({ name }) => name)]).toEqual([
      null,
      "websocket",
      ["sized", "router"],
    ]);
    expect(formatExplanation(found)).toContain("filters of upgrades to websocket, in the order of the request");
    const plain = await ask({});
    expect([plain.upgrade, plain.filters.map(({ name }) => name)]).toEqual([null, ["router"]]);
  });

  test("is to pass over upgrades to h2c, to refuse others, and names with underscores whatever the method", async () => {
    expect((await ask({ headers: upgradeTo("h2c") })).answered).toBeNull();
    expect((await ask({ headers: upgradeTo("chess") })).answered).toMatchObject({ details: "upgrade_failed" });
    const connect = await ask({ method: "CONNECT", host: "a.example:443", headers: [["x_y", "1"]] });
    expect(connect.answered).toMatchObject({ status: 400, details: "http1.unexpected_underscore" });
  });
});
