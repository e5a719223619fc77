import { describe, expect, test } from "vitest";
import { bindYaml } from "../../../../../test/support/bind-yaml.ts";
import type { BindOptions } from "./bind.ts";
import type { HttpFilter } from "./generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Router } from "./generated/envoy/extensions/filters/http/router/v3/router_pb.js";
import { isMessage } from "./tree.ts";

const router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const holderType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";

function filter(config: string, options: Partial<BindOptions> = {}, rest = "") {
  const bound = bindYaml<HttpFilter>(holderType, `name: f\n${rest}typed_config: ${config}`, options);
  const { configType } = bound.tree.root;
  const any = configType.case === "typedConfig" ? configType.value : undefined;
  return { ...bound, any, payload: any === undefined ? undefined : bound.tree.payload(any) };
}

describe("an inline message", () => {
  test("is bound and checked like any other", () => {
    const { payload, lines } = filter(`{ "@type": ${router}, suppress_envoy_headers: true }`);
    expect(lines).toEqual([]);
    expect(payload).toMatchObject({ kind: "message", typeName: "envoy.extensions.filters.http.router.v3.Router" });
    const message = payload?.kind === "message" ? payload.message : undefined;
    expect(
      isMessage<Router>(message, "envoy.extensions.filters.http.router.v3.Router") && message.suppressEnvoyHeaders,
    ).toBe(true);
    expect(filter(`{ "@type": ${router}, supress_envoy_headers: true }`).lines).toEqual([
      expect.stringMatching(
        /^2:\d+ typed_config.supress_envoy_headers unknown field; did you mean "suppress_envoy_headers"\?$/,
      ),
    ]);
  });

  test("keeps its type URL, and no bytes that somebody could take for the message", () => {
    const { any } = filter(`{ "@type": ${router} }`);
    expect(any?.typeUrl).toBe(router);
    expect(() => any?.value).toThrow("ConfigTree.payload");
    expect(structuredClone(any)).toEqual({ $typeName: "google.protobuf.Any", typeUrl: router });
  });

  test("of a well-known type has its JSON form under value", () => {
    const { payload } = filter('{ "@type": type.googleapis.com/google.protobuf.Duration, value: 1.5s }');
    expect(payload).toMatchObject({ kind: "message", message: { seconds: 1n, nanos: 500_000_000 } });
    expect(filter('{ "@type": type.googleapis.com/google.protobuf.Duration, value: 1.5 }').lines[0]).toContain(
      "typed_config.value found the number 1.5",
    );
    expect(filter('{ "@type": type.googleapis.com/google.protobuf.Struct, x: 1, value: {} }').lines[0]).toContain(
      "typed_config.x unknown field",
    );
    expect(filter('{ "@type": type.googleapis.com/google.protobuf.Nope, value: {} }').lines[0]).toContain(
      "no type or installed extension",
    );
  });
});

describe("type URLs that name nothing", () => {
  test.each([
    ["type.googleapis.com/envoy.extensions.filters.http.ruter.v3.Router", router],
    ["type.googleapis.com/envoy.config.filter.http.router.v2.Router", router],
    ["type.googleapis.com/acme.greting", "type.googleapis.com/acme.greeting"],
    ["type.googleapis.com/zzz.Nothing", undefined],
  ])("%s", (url, suggestion) => {
    const { problems, payload } = filter(`{ "@type": ${url} }`, { extensionTypes: new Set(["acme.greeting"]) });
    expect([...problems]).toMatchObject([{ code: "ERR_CONFIG_UNKNOWN_TYPE", path: "typed_config.@type", line: 2 }]);
    expect([...problems][0]?.suggestion).toBe(suggestion);
    expect(payload).toBeUndefined();
  });

  test.each([
    ["{}", /@type is missing, expected the type URL/],
    ["{ a: 1 }", /@type is missing/],
    ['{ "@type": 5 }', /typed_config.@type found the number 5, expected a type URL/],
    ['{ "@type": "" }', /typed_config.@type found "", expected a type URL$/],
    [
      '{ "@type": envoy.extensions.filters.http.router.v3.Router }',
      /did you mean "type.googleapis.com\/envoy.extensions.filters.http.router.v3.Router"\?$/,
    ],
    ["[]", /typed_config found a list, expected a mapping with "@type"$/],
  ])("%s", (config, expected) => {
    const { lines } = filter(config);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(expected);
  });

  test("are passed over where the extension is optional", () => {
    const { payload, lines, tree } = filter('{ "@type": x/zzz.Nothing, a: 1 }', {}, "is_optional: true\n");
    expect(lines).toEqual([]);
    expect(payload).toEqual({ kind: "skipped", typeName: "zzz.Nothing", value: { "@type": "x/zzz.Nothing", a: 1 } });
    expect(tree.toJson(tree.root)).toEqual({
      name: "f",
      is_optional: true,
      typed_config: { "@type": "x/zzz.Nothing", a: 1 },
    });
  });
});

describe("TypedStruct", () => {
  const struct = (version: string, url: string, value: string, key = "type_url") =>
    `{ "@type": type.googleapis.com/${version}.TypedStruct, ${key}: ${url}, value: ${value} }`;

  test.each(["xds.type.v3", "udpa.type.v1"])("of %s with a type of ours is that message", (version) => {
    const { payload, lines } = filter(struct(version, router, "{ start_child_span: true }"));
    expect(lines).toEqual([]);
    expect(payload).toMatchObject({ kind: "message", typeName: router.slice(20), message: { startChildSpan: true } });
    expect(filter(struct(version, router, "{ nope: 1 }")).lines[0]).toMatch(
      /^2:\d+ typed_config.value.nope unknown field/,
    );
  });

  test("with an extension's id is that extension's data", () => {
    const extensionTypes = new Set(["acme.http.greeting"]);
    const { payload, tree } = filter(
      struct("xds.type.v3", "type.googleapis.com/acme.http.greeting", "{ value: [1, null] }", "typeUrl"),
      { extensionTypes },
    );
    expect(payload).toEqual({ kind: "plain", typeName: "acme.http.greeting", value: { value: [1, null] } });
    expect(tree.toJson(tree.root)["typed_config"]).toEqual({
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
      type_url: "type.googleapis.com/acme.http.greeting",
      value: { value: [1, null] },
    });
    expect(filter(struct("xds.type.v3", "acme.http.greeting", "{}"), { extensionTypes }).payload?.kind).toBe("plain");
  });

  test("without a type, with a wrong value, with a stranger's type", () => {
    const typed = "type.googleapis.com/xds.type.v3.TypedStruct";
    expect(filter(`{ "@type": ${typed}, value: {} }`).lines).toEqual([
      expect.stringContaining("typed_config type_url is missing"),
    ]);
    expect(filter(`{ "@type": ${typed}, type_url: x/a, value: 5 }`).lines).toEqual([
      expect.stringContaining("typed_config.value found the number 5"),
    ]);
    expect(filter(`{ "@type": ${typed}, type_url: x/a.b }`).lines).toEqual([
      expect.stringContaining('typed_config.type_url no type or installed extension is named "a.b"'),
    ]);
    expect(filter(`{ "@type": ${typed}, typ_url: x/a.b }`).lines[0]).toContain('did you mean "type_url"?');
  });
});

describe("an extension's id as @type", () => {
  const extensionTypes = new Set(["acme.http.greeting"]);

  test("is that extension's data, without the type", () => {
    const { payload, tree } = filter('{ "@type": x/acme.http.greeting, value: hi, list: [{ a: 1 }] }', {
      extensionTypes,
    });
    expect(payload).toEqual({
      kind: "plain",
      typeName: "acme.http.greeting",
      value: { value: "hi", list: [{ a: 1 }] },
    });
    if (payload?.kind !== "plain") throw new Error("no data");
    expect(tree.atPath(payload.value, ["value"])).toMatchObject({ line: 2, path: "typed_config.value" });
    expect(tree.atPath(payload.value, ["list", 0, "a"])).toMatchObject({ line: 2, path: "typed_config.list[0].a" });
  });

  test("an extension may take a message that Sluice itself does not support", () => {
    const lua = "envoy.extensions.filters.http.lua.v3.Lua";
    const supported = new Map([[holderType, "all" as const]]);
    const { payload } = filter(`{ "@type": x/${lua}, inline_code: x }`, { extensionTypes: new Set([lua]), supported });
    expect(payload).toEqual({ kind: "plain", typeName: lua, value: { inline_code: "x" } });
  });
});
