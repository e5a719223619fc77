// What making the filter leaves behind where it fails. A server that says OK to everything plays Redis.
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { httpHarness } from "@sluice/core/testing";
import { expect, test } from "vitest";
import { within } from "../../../../test/support/eventually.ts";
import { redisRateLimit } from "./index.ts";

test("a filter that cannot be made leaves no connection to Redis behind", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (const _command of data.toString().matchAll(/\*\d+\r\n/g)) socket.write("+OK\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const headers = [{ name: "x-client", string_match: { safe_regex: { regex: "(" } } }];
  const rate_limits = [{ actions: [{ header_value_match: { descriptor_value: "odd", headers } }] }];
  const config = {
    redis: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    limits: [{ name: "each", gcra: { requests: 5, per: "60s" }, rate_limits }],
  };
  const connected = once(server, "connection") as Promise<[Socket]>;
  await expect(httpHarness(redisRateLimit, { config })).rejects.toThrow("missing closing )");
  const [socket] = await connected;
  if (!socket.closed) await within("the connection ends", once(socket, "close"));
  await new Promise((resolve) => server.close(resolve));
});
