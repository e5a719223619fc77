import { expect, test } from "vitest";
import { NetworkHarness } from "../../../../test/support/network-harness.ts";
import { EchoFilter } from "./filter.ts";

test("what comes in goes back, the half-close too", () => {
  const client = new NetworkHarness({ echo: new EchoFilter() }).connect();
  client.receive("one ");
  client.receive("two");
  expect(client.text).toBe("one two");
  client.receiveEnd();
  expect(client.closedBy).toBe("end");
});

test("a client that does not read is not read from", () => {
  const client = new NetworkHarness({ echo: new EchoFilter() }, { connection: { highWatermark: 4 } }).connect();
  client.stall();
  client.receive("12345");
  expect(client.paused).toBe(true);
  client.drain();
  expect(client.paused).toBe(false);
});
