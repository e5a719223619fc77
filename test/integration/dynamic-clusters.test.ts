// Clusters whose hosts are not listed, in a running proxy with real origins: the next cluster where one is down, and hosts that requests name.
import { expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { send } from "../support/http-request.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { ANY_PORT, startProxy } from "../support/proxy.ts";

const origin = (name: string) =>
  HttpOrigin.start((request, response) => void response.end(`${name} ${request.headers.host}`));

test("an aggregate goes to the next cluster when the first has no host that is well", async () => {
  await using near = await origin("near");
  await using far = await origin("far");
  await using proxy = await startProxy({
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        http: {
          routes: [
            { prefix: "/near", cluster: "up" },
            { prefix: "/", cluster: "down" },
          ],
        },
      },
    ],
    clusters: {
      up: { aggregate: ["near", "far"] },
      down: { aggregate: ["broken", "up"] },
      near: near.address,
      broken: {
        endpoints: [{ address: near.address, health: "unhealthy" }],
        load_balancing: { policy: "round_robin", panic_threshold: 0 },
      },
      far: far.address,
    },
  });
  expect((await send(proxy.port, "/near")).text).toContain("near ");
  expect((await send(proxy.port, "/")).text).toContain("near ");
});

test("a forward proxy goes where requests say, and nowhere else", async () => {
  await using one = await origin("one");
  await using two = await origin("two");
  const cache = { name: "all", max_hosts: 2 };
  await using proxy = await startProxy({
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        http: {
          filters: [{ dynamic_forward_proxy: { dns_cache_config: cache } }],
          routes: [
            { prefix: "/denied", cluster: "outside" },
            {
              prefix: "/named",
              cluster: "all",
              filters: { dynamic_forward_proxy: { host_rewrite_literal: two.address } },
            },
            { prefix: "/", cluster: "all" },
          ],
        },
      },
    ],
    clusters: {
      all: { forward_proxy: cache },
      outside: { forward_proxy: { name: "outside", deny_private_addresses: true } },
    },
  });
  const get = async (path: string, host: string) => {
    const { status, text } = await send(proxy.port, path, { headers: { host } });
    return `${status} ${text}`;
  };
  expect(await get("/", one.address)).toBe(`200 one ${one.address}`);
  expect(await get("/", two.address)).toBe(`200 two ${two.address}`);
  expect(await get("/named", "x")).toBe(`200 two ${two.address}`);
  expect(await get("/", "127.0.0.1:1")).toBe("503 DNS cache overflow");
  expect(await get("/", "127.1")).toBe("503 DNS resolution failure");
  expect(await get("/denied", one.address)).toBe("403 This host is not for you");
});

test("a request goes where its header or its PROXY protocol header says", async () => {
  await using one = await origin("one");
  await using two = await origin("two");
  await using proxy = await startProxy({
    listeners: [
      {
        name: "front",
        address: ANY_PORT,
        listener_filters: [{ proxy_protocol: { allow_requests_without_proxy_protocol: true } }],
        http: { routes: [{ prefix: "/", cluster: "meant" }] },
      },
    ],
    clusters: { meant: { original_dst: "x-to" } },
  });
  const { status, text } = await send(proxy.port, "/", { headers: { "x-to": one.address, host: "h" } });
  expect(`${status} ${text}`).toBe("200 one h");
  expect((await send(proxy.port, "/")).status).toBe(503);
  expect((await send(proxy.port, "/", { headers: { "x-to": "localhost:80" } })).status).toBe(503);
  const port = two.address.split(":")[1];
  const peer = await RawPeer.open(proxy.port);
  peer.send(`PROXY TCP4 10.1.1.1 127.0.0.1 1000 ${port}\r\nGET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
  expect(await peer.through("two h")).toContain("HTTP/1.1 200");
  peer.close();
});
