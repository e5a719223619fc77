// A filter that sends requests to another cluster than their route says: `stream.toCluster()`.
import { defineHttpFilter } from "@sluice/sdk";
import { z } from "zod";
import { afterEach, expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { ANY_PORT, startProxy } from "../support/proxy.ts";

const seen: unknown[] = [];

afterEach(() => void seen.splice(0));

/** Sends requests where `x-to` says, twice where it says two; and tries again when it is too late. */
const sender = defineHttpFilter({
  id: "test.sender",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: z.object({}),
  create: () => ({
    onRequestHeaders(headers, _end, stream) {
      for (const name of headers.get("x-to")?.split(" ") ?? []) seen.push(stream.toCluster(name));
      const { route } = stream;
      seen.push(route?.kind === "forward" ? route.clusterName : route?.kind);
      if (headers.has("x-again")) {
        stream.clearRouteCache();
        const anew = stream.route;
        seen.push(anew?.kind === "forward" ? anew.clusterName : anew?.kind);
      }
    },
    onResponseHeaders(_headers, _end, stream) {
      seen.push(stream.toCluster("web"));
    },
  }),
});

test("is obeyed until the response begins, and forgotten when the route is chosen anew", async () => {
  await using web = await HttpOrigin.start((_, response) => void response.end("web"));
  await using other = await HttpOrigin.start((request, response) => void response.end(`other ${request.url}`));
  await using proxy = await startProxy(
    {
      listeners: [
        {
          name: "front",
          address: ANY_PORT,
          http: {
            stat_prefix: "front",
            filters: [{ "test.sender": {} }],
            routes: [
              { prefix: "/answer", respond: { status: 204 } },
              { prefix: "/", cluster: "web", rewrite: "/new/" },
            ],
          },
        },
      ],
      clusters: { web: [web.address], other: [other.address] },
    },
    { extensions: [sender] },
  );
  const cases: [string, Record<string, string>, string, unknown[]][] = [
    ["/a", {}, "web", ["web", false]],
    ["/a", { "x-to": "other" }, "other /new/a", [true, "other", false]],
    ["/b", { "x-to": "web" }, "web", [true, "web", false]],
    ["/b", { "x-to": "web other" }, "other /new/b", [true, true, "other", false]],
    ["/b", { "x-to": "other web" }, "web", [true, true, "web", false]],
    ["/b", { "x-to": "other", "x-again": "" }, "web", [true, "other", "web", false]],
    ["/answer", { "x-to": "other" }, "", [false, "direct", false]],
  ];
  for (const [path, headers, text, told] of cases) {
    expect([(await send(proxy.port, path, { headers })).text, seen.splice(0)]).toEqual([text, told]);
  }
  const missing = await send(proxy.port, "/a", { headers: { "x-to": "nowhere" } });
  expect(missing.status).toBe(503);
});
