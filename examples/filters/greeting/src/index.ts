/** Greets every client in a response header, on each route in its own words. An example: small, and complete as a package. */
import { ConfigError, defineHttpFilter, parsedBy } from "@sluice/sdk";

export interface GreetingConfig {
  /** What the clients read. */
  readonly value: string;
  /** Name of the header. @default "x-greeting" */
  readonly header?: string;
}

export interface GreetingRouteConfig {
  /** What the clients of this route read instead. */
  readonly value: string;
}

/** The texts of a mapping that has no other keys. Any schema library does this shorter; this package depends on none. */
function texts(config: unknown, keys: readonly string[]): Record<string, string> {
  if (typeof config !== "object" || config === null) throw new ConfigError("expected a mapping");
  for (const [key, value] of Object.entries(config)) {
    if (!keys.includes(key)) throw new ConfigError(`unknown key, expected one of ${keys.join(", ")}`, [key]);
    if (typeof value !== "string" || value === "") throw new ConfigError("expected a text", [key]);
  }
  if (!("value" in config)) throw new ConfigError("value is missing");
  return { ...config } as Record<string, string>;
}

export const greeting = defineHttpFilter({
  id: "acme.http.greeting",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: parsedBy((config): Required<GreetingConfig> => {
    const { value = "", header = "x-greeting" } = texts(config, ["value", "header"]);
    return { value, header };
  }),
  routeConfig: parsedBy((config): GreetingRouteConfig => ({ value: texts(config, ["value"])["value"]! })),
  create: (config, context) => {
    const greeted = context.stats.counter("greeted");
    return {
      onResponseHeaders(headers, _end, stream) {
        headers.set(config.header, stream.routeConfig?.value ?? config.value);
        greeted.inc();
      },
    };
  },
});

export default greeting;
