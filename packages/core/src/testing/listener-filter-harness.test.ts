// The harness of listener filters: what they see, what they tell, and what the chain gets of the bytes.
import { Continue, defineListenerFilter, parsedBy, Stop } from "@sluice/sdk";
import { expect, test } from "vitest";
import { listenerHarness } from "./listener-filter-harness.ts";

/** `<name>\n` in front of everything says whom the client wants. */
const named = defineListenerFilter({
  id: "acme.listener.named",
  maturity: "alpha",
  security: "unknown",
  maxPeekBytes: 32,
  config: parsedBy((config) => ({ refused: String((config as { refused?: string }).refused ?? "") })),
  create: ({ refused }, context) => {
    const names = context.stats.counter("names");
    return {
      onPeek(data, connection) {
        const end = data.indexOf(10);
        if (end === -1) return Stop;
        const name = Buffer.from(data.subarray(0, end)).toString();
        if (name === refused) {
          connection.close("abort");
          return Stop;
        }
        names.inc();
        connection.setServerName(name);
        connection.metadata.set("acme.named", { name });
        connection.consume(end + 1);
        return Continue;
      },
    };
  },
});

test("peeks, consumes and tells; the chain gets what is left", async () => {
  const h = await listenerHarness(named);
  const c = h.connect({ ip: "198.51.100.7", port: 9 });
  c.send("exam");
  expect([c.place, c.passed]).toEqual(["filters", ""]);
  c.send("ple\nhello").send(" there", true);
  expect([c.place, c.passed, c.passedEnd]).toEqual(["chain", "hello there", true]);
  expect(c.info).toMatchObject({ requestedServerName: "example", remote: { address: "198.51.100.7:9" } });
  expect(c.metadata.get("acme.named")).toEqual({ name: "example" });
  expect(h.stat("names")).toBe(1);
});

test("a connection is refused, times out, or asks for too much", async () => {
  const h = await listenerHarness(named, { config: { refused: "evil" }, timeoutMs: 1000 });
  const evil = h.connect().send("evil\n");
  expect([evil.place, evil.closedBy]).toEqual(["closed", "abort"]);
  const slow = h.connect().send("slo");
  await h.advance(1010);
  expect([slow.place, h.rootStat("listener.test.downstream_pre_cx_timeout")]).toEqual(["closed", 1]);
  const long = h.connect().send("x".repeat(40));
  expect([long.place, h.stat("errors")]).toEqual(["closed", 1]);
});

test("close() disposes of the filters, and cuts what they have", async () => {
  const h = await listenerHarness([named, [named, { name: "again" }]]);
  const c = h.connect().send("a\n");
  await h.close();
  expect(c.place).toBe("closed");
  expect(() => h.connect()).toThrow("the harness is closed");
});
