/** Configuration of fallback, of the filter and of routes alike. It is no message of Envoy's API. */
import { type OpenFailure, type StandardSchema, parsedBy } from "@sluice/sdk";
import { headerName } from "../shared/header-options.ts";
import { Section } from "../shared/section.ts";

export interface FallbackReplySettings {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FallbackSettings {
  /** What has to be amiss with the cluster of the route. */
  readonly when: readonly OpenFailure[];
  /** Goes there; empty: nowhere. */
  readonly cluster: string;
  /** Where that cannot be either; null: the request goes on as if there were no fallback. */
  readonly respond: FallbackReplySettings | null;
}

const FIELDS = ["when", "cluster", "respond"];
const RESPOND = ["status", "body", "headers"];

const WHEN: Readonly<Record<string, OpenFailure>> = {
  no_healthy_host: "no_healthy_upstream",
  circuit_open: "overflow",
};

/** Written by the engine. */
const FRAMING = ["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

const SCHEMA = {
  type: "object",
  additionalProperties: false,
  properties: {
    when: {
      description: "What has to be amiss with the cluster of the route",
      type: "array",
      items: { enum: Object.keys(WHEN) },
      minItems: 1,
    },
    cluster: { description: "Where requests go then", type: "string" },
    respond: {
      description: "The answer where there is no cluster for that, or where it is no better",
      type: "object",
      additionalProperties: false,
      properties: {
        status: { type: "integer", minimum: 200, maximum: 599 },
        body: { type: "string" },
        headers: { type: "object", additionalProperties: { type: "string" } },
      },
    },
  },
};

const parsed = parsedBy((value): FallbackSettings => {
  const section = new Section(value, FIELDS);
  return { when: parseWhen(section), cluster: section.string("cluster"), respond: parseRespond(section) };
});

export const fallbackConfig: StandardSchema<unknown, FallbackSettings> = {
  "~standard": { ...parsed["~standard"], jsonSchema: { input: () => SCHEMA } },
};

function parseWhen(section: Section): readonly OpenFailure[] {
  const words = section.get("when") ?? Object.keys(WHEN);
  const isKnown = (word: unknown): word is string => typeof word === "string" && Object.hasOwn(WHEN, word);
  if (!Array.isArray(words) || words.length === 0 || !words.every(isKnown))
    throw section.wrong("when", `expected a list of ${Object.keys(WHEN).join(", ")}`);
  return (words as string[]).map((word) => WHEN[word]!);
}

function parseRespond(owner: Section): FallbackReplySettings | null {
  const section = owner.section("respond", RESPOND);
  if (section === null) return null;
  const status = section.integer("status", 503, 200, 599);
  const body = section.string("body");
  if (body !== "" && (status === 204 || status === 304))
    throw section.wrong("body", `an answer with the status ${status} has none`);
  return { status, body, headers: parseHeaders(section) };
}

function parseHeaders(section: Section): Readonly<Record<string, string>> {
  const written = section.get("headers") ?? {};
  if (typeof written !== "object" || written === null || Array.isArray(written))
    throw section.wrong("headers", "expected a mapping from names to texts");
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, value] of Object.entries(written as Readonly<Record<string, unknown>>)) {
    const at = new Section({ name: key }, ["name"], [...section.path, "headers", key]);
    const name = headerName(at, "name");
    if (FRAMING.includes(name)) throw at.wrong("name", `${name} is written by the proxy`);
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\uffff]*$/.test(value))
      throw at.wrong("name", "expected a text of one line");
    headers[name] = value;
  }
  return headers;
}
