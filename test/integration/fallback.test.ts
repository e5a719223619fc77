// Where requests go, over sockets, when the cluster of their route has no healthy host or has as many as it takes.
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { envoyConfig } from "../support/envoy-config.ts";
import { type Answer, HttpOrigin } from "../support/http-origin.ts";
import { parsed, send } from "../support/http-request.ts";
import { type Forwarding, forwardTo, startProxy } from "../support/proxy.ts";

const named =
  (name: string): Answer =>
  (request, response) => {
    request.resume();
    request.on("end", () => void response.setHeader("x-served-by", name).end(request.url));
  };

/** The route falls back as it says; `web` is the first address, `backup` the second. */
function falling(
  web: Forwarding["cluster"],
  address: string,
  backup: string,
  fallback: object,
): ReturnType<typeof forwardTo> {
  return forwardTo(address, {
    http: { filters: [{ fallback: {} }] },
    route: { rewrite: "/new/", filters: { fallback } },
    cluster: web!,
    config: { clusters: { web: { endpoints: [address], ...web } as never, backup } },
  });
}

describe("a cluster without a healthy host", () => {
  test.each(["unhealthy", "draining"] as const)(
    "all are %s: another one gets the request, as its route makes it",
    async (health) => {
      await using web = await HttpOrigin.start(named("web"));
      await using backup = await HttpOrigin.start(named("backup"));
      const endpoints = [{ address: web.address, health }];
      await using proxy = await startProxy(falling({ endpoints }, web.address, backup.address, { cluster: "backup" }));
      for (let i = 0; i < 3; i++) {
        const answer = await send(proxy.port, `/${i}`, { method: "POST", body: "x" });
        expect([answer.status, answer.headers["x-served-by"], answer.text]).toEqual([200, "backup", `/new/${i}`]);
      }
      expect([web.seen, backup.seen.length]).toEqual([[], 3]);
      expect(await proxy.admin.stat("http.front.fallback.rerouted")).toBe(3);
      expect(await proxy.admin.stat("cluster.backup.upstream_rq_200")).toBe(3);
    },
  );

  test("one that is degraded is enough", async () => {
    await using web = await HttpOrigin.start(named("web"));
    await using backup = await HttpOrigin.start(named("backup"));
    const endpoints = [{ address: web.address, health: "degraded" as const }];
    await using proxy = await startProxy(falling({ endpoints }, web.address, backup.address, { cluster: "backup" }));
    expect((await send(proxy.port, "/")).headers["x-served-by"]).toBe("web");
  });

  test("is answered where the other has none either", async () => {
    const none = { endpoints: [] };
    const respond = { status: 200, headers: { "content-type": "application/json" }, body: '{"items":[]}' };
    await using web = await HttpOrigin.start();
    const config = falling(none, web.address, web.address, { cluster: "backup", respond });
    await using proxy = await startProxy({ ...config, clusters: { web: none, backup: none } });
    const answer = await send(proxy.port, "/");
    expect([answer.status, answer.headers["content-type"], parsed(answer)]).toEqual([
      200,
      "application/json",
      { items: [] },
    ]);
    expect(web.seen).toEqual([]);
    expect(await proxy.accessLog()).toMatchObject([
      { status: 200, flags: "UH", details: "fallback_no_healthy_upstream" },
    ]);
  });
});

test("a circuit that is open: another cluster gets what is too much, until there is room", async () => {
  const held: Array<() => void> = [];
  await using web = await HttpOrigin.start((_, response) => {
    held.push(() => response.setHeader("x-served-by", "web").end());
  });
  await using backup = await HttpOrigin.start(named("backup"));
  const circuit_breakers = { max_requests: 2 };
  await using proxy = await startProxy(
    falling({ circuit_breakers }, web.address, backup.address, { when: ["circuit_open"], cluster: "backup" }),
  );
  const first = [send(proxy.port, "/"), send(proxy.port, "/")];
  await eventually("they are under way", () => held.length === 2);
  for (let i = 0; i < 5; i++) expect((await send(proxy.port, "/")).headers["x-served-by"]).toBe("backup");
  for (const end of held.splice(0)) end();
  for (const answer of await Promise.all(first)) expect(answer.headers["x-served-by"]).toBe("web");
  const next = send(proxy.port, "/");
  await eventually("there is room", () => held.length === 1);
  held[0]!();
  expect((await next).headers["x-served-by"]).toBe("web");
  expect(await proxy.admin.stat("cluster.web.upstream_rq_pending_overflow")).toBe(0);
});

test("an Envoy configuration names it by its type URL", async () => {
  await using backup = await HttpOrigin.start(named("backup"));
  const { address } = backup;
  const config = envoyConfig({
    filters: { fallback: { "@type": "type.googleapis.com/sluice.filters.http.fallback", cluster: "backup" } },
    clusters: { web: { address, health: "UNHEALTHY" }, backup: { address } },
  });
  await using proxy = await startProxy(config);
  expect((await send(proxy.port, "/")).status).toBe(200);
  expect(await proxy.admin.stat("cluster.backup.upstream_rq_200")).toBe(1);
});
