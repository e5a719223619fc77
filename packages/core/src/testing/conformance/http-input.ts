/** Checks of input: whatever peers send, the filter neither throws nor makes anything illegal of it. */
import type { FakeCluster, ClusterFailure } from "../fake-cluster.ts";
import type { HttpFilterHarness } from "../http-filter-harness.ts";
import { seededRandom } from "../kit-services.ts";
import type { Respond, TestRequest, UpstreamAnswer } from "../messages.ts";
import type { AnyDefinition } from "../setup.ts";
import { expect, fail } from "./check.ts";
import { told, uncaughtDuring } from "./faults.ts";
import { play, type PlayOptions, stage } from "./player.ts";
import { type HttpConformanceOptions, type Scenario, scenariosOf } from "./scenario.ts";

// oxlint-disable-next-line no-control-regex -- these are the bytes that HTTP allows
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LEGAL_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const FAILURES: readonly ClusterFailure[] = [
  "no_healthy_upstream",
  "overflow",
  "connection_failure",
  "connection_timeout",
  "remote_reset",
];

/** One exchange; an error of the filter is the check's. */
async function survives(
  definition: AnyDefinition,
  options: HttpConformanceOptions,
  scenario: Scenario,
  where: string,
  how: PlayOptions = {},
  prepare: (clusters: readonly FakeCluster[]) => void = () => {},
): Promise<void> {
  const { harness, clusters } = await stage(definition, options);
  prepare(clusters);
  const uncaught = await uncaughtDuring(async () => {
    const { response } = await play(harness, scenario, how);
    for (const [name, value] of [...response.headerList, ...(response.upstream?.headerList ?? [])])
      expect(LEGAL_NAME.test(name) && LEGAL_VALUE.test(value), `${where}: the header ${name} is not legal`);
  });
  expectNoErrors(harness, where);
  if (uncaught.length > 0) fail(`${where}: nobody caught ${told(uncaught[0])}`);
  await harness.close();
}

export function expectNoErrors(harness: HttpFilterHarness, where: string): void {
  const entry = harness.log.find(({ level, fields }) => level === "error" && "error" in fields);
  if (harness.stat("errors") > 0 || entry !== undefined)
    fail(
      `${where}: ${entry === undefined ? "the filter failed" : `${entry.message}: ${String(entry.fields["error"])}`}`,
    );
}

const ODD_HEADERS: readonly TestRequest[] = [
  { path: "/%0d%0aset-cookie:%20a=1", headers: { "x-forwarded-for": "%0d%0a", referer: "/%0D%0Ax" } },
  { path: "/%00%ff%u0041%", headers: { "user-agent": "\u00e9\u00ff\u0080", accept: "\t,;q=\t" } },
  { path: `/?${"a=%F0%9F%98%80&".repeat(200)}`, headers: { cookie: "=;; a; b=\u00e9; __proto__=1; a=1; a=2" } },
  { path: "//double//?x#y", headers: { authorization: "Bearer a.b.c", "x-api-key": "\u00a0" } },
  { path: "/", authority: "[::1]:80", headers: { authorization: "Basic %%%", "content-type": ";;=," } },
  { path: "/", authority: "", headers: Array.from({ length: 60 }, (_, i) => [`x-${i}`, "v".repeat(i * 8)] as const) },
  { method: "PROPFIND", path: "/", headers: { "x-request-id": "a b", range: "bytes=--", "if-none-match": '"' } },
  { method: "OPTIONS", path: "/", headers: { origin: "null", "access-control-request-method": "\u00e9" } },
];

export async function headersStayLegal(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  const scenarios = scenariosOf(options);
  const odd = ODD_HEADERS.map((request) => ({ request, respond: answering({ headers: request.headers ?? {} }) }));
  // The same oddities on the requests that the filter is made for.
  const own = (options.requests ?? []).flatMap((request) =>
    ODD_HEADERS.map(({ headers }) => ({
      request: { ...request, headers: [...listOf(headers), ...listOf(request.headers)] },
      respond: options.upstream ?? answering({ headers: headers ?? {} }),
    })),
  );
  for (const scenario of [...scenarios, ...odd, ...own])
    await survives(
      definition,
      options,
      scenario,
      `${scenario.request.path ?? "/"} with ${JSON.stringify(scenario.request.headers)}`,
    );
}

function listOf(headers: TestRequest["headers"]): (readonly [string, string])[] {
  if (headers === undefined) return [];
  if (Array.isArray(headers)) return headers as (readonly [string, string])[];
  return Object.entries(headers as Readonly<Record<string, string | readonly string[]>>).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one) => [name, one] as const),
  );
}

const TYPES = [
  "application/json",
  "text/event-stream",
  "application/grpc",
  "multipart/form-data; boundary=x",
  "text/plain",
];

const ODD_ANSWERS: readonly UpstreamAnswer[] = [
  { status: 204 },
  { status: 304, headers: { etag: '"x"' } },
  { status: 500, body: "no" },
  { status: 200, informational: [103], chunks: [] },
  { status: 200, headers: { "content-type": "" }, chunks: ["", "x", ""], trailers: {} },
  { reset: "connection_failure" },
  { reset: "remote_reset", chunks: ["half"] },
];

export async function noInputMakesItThrow(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  const random = seededRandom((options.seed ?? 1) + 7);
  const heads: readonly TestRequest[] = [{ method: "POST", path: "/" }, ...(options.requests ?? [])];
  for (const head of heads) {
    for (const type of TYPES) {
      for (const [kind, body] of garbage(random)) {
        const headers = [
          ...listOf(head.headers).filter(([name]) => name.toLowerCase() !== "content-type"),
          ["content-type", type] as const,
        ];
        const request: TestRequest = { ...head, method: head.method ?? "POST", headers, body };
        const scenario = { request, respond: answering({ headers: { "content-type": type }, body }) };
        await survives(definition, options, scenario, `${type} with a body of ${kind}`, { random });
      }
    }
    for (const answer of ODD_ANSWERS)
      await survives(
        definition,
        options,
        { request: head, respond: answering(answer) },
        `the answer ${JSON.stringify(answer)}`,
      );
  }
  if (options.clusters === undefined && definition.terminal !== true) return;
  for (const failure of FAILURES)
    for (const scenario of scenariosOf(options))
      await survives(definition, options, scenario, `a cluster that has ${failure}`, {}, (clusters) => {
        for (const cluster of clusters) cluster.failure = failure;
      });
}

function garbage(random: { below(bound: number): number }): [string, Buffer][] {
  const noise = Buffer.from(Array.from({ length: 200 }, () => random.below(256)));
  return [
    ["nothing", Buffer.alloc(0)],
    ["noise", noise],
    ["half a JSON text", Buffer.from('{"a": [1, {"b": "\\u00')],
    ["another JSON value", Buffer.from("null")],
    ["deep JSON", Buffer.from("[".repeat(5000))],
    ["broken UTF-8", Buffer.from([0x22, 0xc3, 0x28, 0xf0, 0x9f, 0x22])],
    ["half an event", Buffer.from("data: {\n\ndata:")],
  ];
}

function answering(answer: UpstreamAnswer): Respond {
  return () => answer;
}
