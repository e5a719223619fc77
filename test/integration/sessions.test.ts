// Sessions that stay with a host, over real sockets: three hosts, of which one goes away; what clients make up themselves; a proxy that goes on where another began.
import { expect, test } from "vitest";
import type { SluiceConfig } from "../../packages/core/src/index.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";

async function numbered(count: number): Promise<HttpOrigin[] & AsyncDisposable> {
  const all = await Promise.all(
    Array.from({ length: count }, (_, i) => HttpOrigin.start((_request, answer) => void answer.end(`${i}`))),
  );
  return Object.assign(all, {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((origin) => origin[Symbol.asyncDispose]()));
    },
  });
}

function proxyOf(origins: readonly HttpOrigin[], session: object, more: object = {}): SluiceConfig {
  const routes = [
    { prefix: "/free", cluster: "web", filters: { stateful_session: { disabled: true } } },
    { prefix: "/", cluster: "web" },
  ];
  const http = { filters: [{ stateful_session: session }], routes };
  return forwardTo("", {
    http,
    config: { clusters: { web: { endpoints: origins.map(({ address }) => address), ...more } } },
  });
}

const sessionCookie = { cookie: "session", path: "/" };
const made = (address: string): string => Buffer.from(address).toString("base64");

function cookieOf(headers: Record<string, string | string[] | undefined>): string {
  const [cookie = ""] = headers["set-cookie"] ?? [];
  return cookie.slice(0, cookie.indexOf(";"));
}

test("a session stays with its host, and moves when the host is gone; another proxy goes on with it", async () => {
  await using origins = await numbered(3);
  await using first = await startProxy(proxyOf(origins, sessionCookie));
  const begun = await send(first.port, "/");
  expect(begun.headers["set-cookie"]).toEqual([expect.stringMatching(/^session="[\w+/]+={0,2}"; Path=\/; HttpOnly$/)]);
  const cookie = cookieOf(begun.headers);
  for (let i = 0; i < 6; i++) {
    const next = await send(first.port, "/", { headers: { cookie } });
    expect(next.text).toBe(begun.text);
    expect(next.headers["set-cookie"]).toBeUndefined();
  }
  const free = new Set<string>();
  for (let i = 0; i < 3; i++) free.add((await send(first.port, "/free", { headers: { cookie } })).text);
  expect(free.size).toBe(3);

  const gone = Number(begun.text);
  const stay = origins.filter((_, i) => i !== gone);
  await using second = await startProxy(proxyOf(stay, sessionCookie));
  const moved = await send(second.port, "/", { headers: { cookie } });
  expect(moved.text).not.toBe(begun.text);
  const renewed = cookieOf(moved.headers);
  expect(renewed).toMatch(/^session="/);
  for (let i = 0; i < 4; i++)
    expect((await send(second.port, "/", { headers: { cookie: renewed } })).text).toBe(moved.text);
  // The first proxy still has all three, and takes what the second wrote.
  expect((await send(first.port, "/", { headers: { cookie: renewed } })).text).toBe(moved.text);
});

test("strict: the session's host or none", async () => {
  await using origins = await numbered(3);
  await using proxy = await startProxy(proxyOf(origins.slice(1), { header: "x-session", strict: true }));
  const begun = await send(proxy.port, "/");
  const named = begun.headers["x-session"] as string;
  expect(named).toBe(made(origins[Number(begun.text)]!.address));
  for (let i = 0; i < 4; i++)
    expect((await send(proxy.port, "/", { headers: { "x-session": named } })).text).toBe(begun.text);
  const refused = await send(proxy.port, "/", { headers: { "x-session": made(origins[0]!.address) } });
  expect([refused.status, refused.text]).toEqual([503, "no healthy upstream"]);
  expect(refused.headers["x-session"]).toBeUndefined();
  expect(origins[0]!.seen).toEqual([]);
});

test("a host that is down is not named to anybody", async () => {
  await using origins = await numbered(1);
  await using proxy = await startProxy(proxyOf(origins, sessionCookie));
  const cookie = cookieOf((await send(proxy.port, "/")).headers);
  await origins[0]![Symbol.asyncDispose]();
  for (const headers of [{}, { cookie }]) {
    const failed = await send(proxy.port, "/", { headers });
    expect(failed.status).toBe(503);
    expect(failed.headers["set-cookie"]).toBeUndefined();
  }
});

test("addresses of a client's own making are never dialled", async () => {
  await using origins = await numbered(2);
  await using strangers = await numbered(1);
  const stranger = strangers[0]!;
  await using proxy = await startProxy(proxyOf(origins, sessionCookie));
  const { port } = new URL(`http://${stranger.address}`);
  for (const address of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    "/run/secret.sock",
    "x",
  ]) {
    const answer = await send(proxy.port, "/", { headers: { cookie: `session=${made(address)}` } });
    expect(answer.status).toBe(200);
    expect(cookieOf(answer.headers)).toMatch(/^session="/);
  }
  for (const value of ['"', "a=b", "A".repeat(6000), "%00", "CgQxLjI="])
    expect((await send(proxy.port, "/", { headers: { cookie: `session=${value}` } })).status).toBe(200);
  expect(stranger.seen).toEqual([]);
});

test("a host that is not well loses its sessions", async () => {
  await using origins = await numbered(2);
  const endpoints = [{ address: origins[0]!.address, health: "unhealthy" }, origins[1]!.address];
  const headers = { cookie: `session=${made(origins[0]!.address)}` };
  await using proxy = await startProxy(proxyOf(origins, sessionCookie, { endpoints }));
  expect((await send(proxy.port, "/", { headers })).text).toBe("1");
});
