/** Types that schemas give: every library of Standard Schema, and JSON Schema. Checked by the compiler alone. */
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { defineHttpFilter, metadataKey } from "./index.ts";

const base = { maturity: "alpha", security: "unknown" } as const;

export const byZod = defineHttpFilter({
  ...base,
  id: "acme.http.zod",
  config: z.object({ limit: z.number().default(3), name: z.string().optional() }),
  routeConfig: z.object({ limit: z.coerce.string() }),
  create(config) {
    config.limit satisfies number;
    config.name satisfies string | undefined;
    // @ts-expect-error it may be missing
    config.name satisfies string;
    // @ts-expect-error there is no such key
    config.nothing;
    return {
      onRequestHeaders(_headers, _end, stream) {
        stream.routeConfig?.limit satisfies string | undefined;
        // @ts-expect-error routes may have none
        stream.routeConfig.limit;
      },
    };
  },
});

export const byValibot = defineHttpFilter({
  ...base,
  id: "acme.http.valibot",
  config: v.object({ limit: v.optional(v.number(), 3) }),
  create(config) {
    config.limit satisfies number;
    // @ts-expect-error it is a number
    config.limit satisfies string;
    return {};
  },
});

export const byArktype = defineHttpFilter({
  ...base,
  id: "acme.http.arktype",
  config: type({ limit: "number = 3", mode: "'a' | 'b'" }),
  create(config) {
    config.limit satisfies number;
    config.mode satisfies "a" | "b";
    // @ts-expect-error it is one of two
    config.mode satisfies "a";
    return {};
  },
});

export const byJsonSchema = defineHttpFilter({
  ...base,
  id: "acme.http.json-schema",
  config: { type: "object", properties: { limit: { type: "number" } } },
  create(config) {
    config satisfies unknown;
    // @ts-expect-error a JSON Schema says nothing to the compiler
    config.limit;
    return {};
  },
});

// @ts-expect-error a schema is needed
defineHttpFilter({ ...base, id: "acme.http.none", create: () => ({}) });

// @ts-expect-error hooks are checked by name
export const misspelt = defineHttpFilter({ ...base, id: "a.b", config: {}, create: () => ({ onRequestHeader() {} }) });

const identity = metadataKey<{ subject: string; roles: readonly string[] }>("acme.identity");

export const metadata = defineHttpFilter({
  ...base,
  id: "acme.http.metadata",
  config: {},
  provides: [identity],
  // @ts-expect-error a key, not a name
  requires: ["acme.identity"],
  create: () => ({
    onRequestHeaders(_headers, _end, { metadata: data }) {
      data.set(identity, { subject: "x" });
      // @ts-expect-error a subject is a text
      data.set(identity, { subject: 3 });
      data.get(identity)?.roles satisfies readonly string[] | undefined;
      // @ts-expect-error there is no such value
      data.get(identity)?.role;
      data.get("any.other")?.["x"] satisfies unknown;
    },
  }),
});
