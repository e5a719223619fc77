// Whatever filters do with verdicts, promises, holds and injected bytes: no byte is lost, doubled or moved, the end comes last and once, pauses come to nothing.
import { type NetworkDataVerdict, Stop } from "@sluice/sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AnyNetworkFilter,
  bytes,
  Collector,
  NetworkHarness,
  text,
  turns,
} from "../../../../../test/support/network-harness.ts";

type Step =
  | "continue"
  | "copy"
  | "stop"
  | "resume later"
  | "promise"
  | "promise bytes"
  | "promise stop"
  | "consume and inject";

const step = fc.constantFrom<Step>(
  "continue",
  "copy",
  "stop",
  "resume later",
  "promise",
  "promise bytes",
  "promise stop",
  "consume and inject",
);

/** A filter whose data hook of either direction takes these steps in turn, and lets everything go at the end. */
function scripted(hook: "onData" | "onWrite", steps: readonly Step[]): AnyNetworkFilter {
  const direction = hook === "onData" ? "read" : "write";
  let at = 0;
  const run: AnyNetworkFilter["onData"] = (data, end, connection): NetworkDataVerdict | Promise<NetworkDataVerdict> => {
    const kept = Buffer.from(data);
    if (end) return undefined;
    switch (steps[at++ % steps.length]) {
      case "copy":
        return kept;
      case "stop":
        return Stop;
      case "resume later":
        connection.setTimer((handle) => handle[direction].resume(), 5);
        return Stop;
      case "promise":
        return new Promise((resolve) => void connection.setTimer(() => resolve(undefined), 5));
      case "promise bytes":
        return Promise.resolve(kept);
      case "promise stop":
        return Promise.resolve(Stop);
      case "consume and inject":
        // What is held goes on with this verdict, so that the injected bytes come after it; later chunks wait for the promise.
        return Promise.resolve().then(() => {
          connection[direction].resume();
          connection[direction].inject(kept, false);
          return bytes("");
        });
      default:
        return undefined;
    }
  };
  return { [hook]: run };
}

const chain = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
const chunks = fc.array(
  fc.string({ minLength: 1, maxLength: 40 }).map((value) => Buffer.from(value).toString("latin1")),
  {
    maxLength: 12,
  },
);

async function finish(harness: NetworkHarness): Promise<void> {
  for (let i = 0; i < 80; i++) {
    await turns();
    harness.time.advance(10);
  }
}

test("from the client to the terminal", async () => {
  await fc.assert(
    fc.asyncProperty(chain, chunks, async (scripts, input) => {
      const end = new Collector();
      const filters = Object.fromEntries(scripts.map((steps, i) => [`f${i}`, scripted("onData", steps)]));
      const harness = new NetworkHarness({ ...filters, end }, { bufferLimitBytes: 30 });
      const client = harness.connect();
      for (const chunk of input) client.receive(chunk);
      client.receiveEnd();
      await finish(harness);
      expect(harness.services.lines).toEqual([]);
      expect(end.text).toBe(`${input.join("")}|`);
      expect(client.paused).toBe(false);
      expect(harness.time.timers.size).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test("from the terminal to the client, behind a terminal that pauses when it is told to", async () => {
  await fc.assert(
    fc.asyncProperty(chain, chunks, async (scripts, output) => {
      const events: string[] = [];
      const terminal: AnyNetworkFilter = {
        onNewConnection(connection) {
          connection.write.watch({
            onAboveHighWatermark: () => events.push("high"),
            onBelowLowWatermark: () => events.push("low"),
          });
        },
        onData: (data, end, connection) => connection.send(bytes(text(data)), end),
      };
      const filters = Object.fromEntries(scripts.map((steps, i) => [`f${i}`, scripted("onWrite", steps)]));
      const harness = new NetworkHarness({ ...filters, terminal }, { bufferLimitBytes: 30 });
      const client = harness.connect();
      for (const chunk of output) client.receive(chunk);
      client.receiveEnd();
      await finish(harness);
      expect(harness.services.lines).toEqual([]);
      expect(client.text).toBe(output.join(""));
      expect(client.closedBy).toBe("end");
      expect(events).toEqual(events.map((_, i) => (i % 2 === 0 ? "high" : "low")));
      expect(events.length % 2).toBe(0);
    }),
    { numRuns: 150 },
  );
});
