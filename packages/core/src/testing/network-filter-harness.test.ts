// The harness of network filters: the client's side, the upstream's, pressure, and clusters that the test plays.
import { Continue, defineNetworkFilter, parsedBy, Stop } from "@sluice/sdk";
import { describe, expect, test } from "vitest";
import { fakeCluster } from "./fake-cluster.ts";
import { networkHarness } from "./network-filter-harness.ts";

const common = { maturity: "alpha", security: "unknown", config: parsedBy((config) => config) } as const;

/** Upper case on the way in, lower case on the way out. */
const casing = defineNetworkFilter({
  ...common,
  id: "acme.network.casing",
  create: (_config, context) => {
    const chunks = context.stats.counter("chunks");
    return {
      onData(data) {
        chunks.inc();
        return Buffer.from(Buffer.from(data).toString("latin1").toUpperCase(), "latin1");
      },
      onWrite: (data) => Buffer.from(Buffer.from(data).toString("latin1").toLowerCase(), "latin1"),
    };
  },
});

/** Nothing goes on before the password. */
const password = defineNetworkFilter({
  ...common,
  id: "acme.network.password",
  newState: () => ({ isOpen: false }),
  create: () => ({
    onData(data, _end, connection) {
      if (connection.state.isOpen) return Continue;
      if (!Buffer.from(data).toString().startsWith("sesame")) {
        connection.close("flush", "wrong_password");
        return Stop;
      }
      connection.state.isOpen = true;
      return data.subarray(6);
    },
  }),
});

/** Terminal: carries everything to the cluster. */
const forwarding = defineNetworkFilter({
  ...common,
  id: "acme.network.forwarding",
  calls: true,
  terminal: true,
  newState: () => ({ send: null as ((data: Uint8Array, end: boolean) => void) | null }),
  create: (_config, context) => ({
    onNewConnection(connection) {
      const upstream = context.clusters.get("web")!.connect({
        onUpstreamConnected: () => connection.read.resume(),
        onUpstreamData: (data, end) => connection.send(data, end),
        onUpstreamClose: () => connection.close("now"),
        onUpstreamWriteHigh: () => connection.read.pause(),
        onUpstreamWriteLow: () => connection.read.unpause(),
      });
      if (typeof upstream === "string") {
        connection.close("now", upstream);
        return Continue;
      }
      connection.state.send = (data, end) => upstream.write(data, end);
      return Stop;
    },
    onData: (data, end, connection) => connection.state.send!(data, end),
  }),
});

describe("with the test as the upstream", () => {
  test("bytes and half-closes pass both ways, through read and write filters", async () => {
    const h = await networkHarness(casing);
    const c = h.connect();
    c.send("hello ").send("you", true);
    expect([c.upstream.received, c.upstream.chunks, c.upstream.ended]).toEqual(["HELLO YOU", [6, 3], true]);
    c.upstream.send("OH, ").send("It Is You", true);
    expect([c.received, c.closedBy, h.stat("chunks")]).toEqual(["oh, it is you", "end", 3]);
    expect(c.take()).toBe("oh, it is you");
    expect(c.received).toBe("");
  });

  test("pressure goes to the other side", async () => {
    const h = await networkHarness(casing, { bufferLimitBytes: 8 });
    const c = h.connect();
    c.slow();
    c.upstream.send("more than eight bytes");
    expect(c.upstream.paused).toBe(true);
    c.fast();
    expect(c.upstream.paused).toBe(false);
    c.upstream.slow();
    expect(c.paused).toBe(true);
    c.upstream.fast();
    expect(c.paused).toBe(false);
  });

  test("a filter closes the connection", async () => {
    const h = await networkHarness([password, casing]);
    const [wrong, right] = [h.connect().send("open!"), h.connect().send("sesame, please")];
    expect([wrong.closedBy, wrong.upstream.received]).toEqual(["flush", ""]);
    expect([right.closedBy, right.upstream.received]).toEqual(["", ", PLEASE"]);
  });

  test("the end of a connection is the filters' end of it", async () => {
    const h = await networkHarness(casing);
    const c = h.connect().send("a");
    c.reset();
    expect([c.closed, c.upstream.closed]).toEqual([true, true]);
    c.upstream.send("late");
    expect(c.received).toBe("");
  });

  test("a hook that throws costs its connection, and is named", async () => {
    const broken = defineNetworkFilter({
      ...common,
      id: "acme.network.broken",
      create: () => ({
        onData() {
          throw new Error("oh");
        },
      }),
    });
    const h = await networkHarness(broken);
    const c = h.connect().send("a");
    expect([c.closedBy, h.stat("errors")]).toEqual(["abort", 1]);
    expect(h.log[0]).toMatchObject({ level: "error", message: "filter acme.network.broken failed in onData" });
  });
});

describe("with a terminal filter and a fake cluster", () => {
  test("the connection to the cluster is the test's", async () => {
    const web = fakeCluster({ accept: (connection) => void connection.send("220 ready\r\n") });
    const h = await networkHarness([casing, forwarding], { clusters: { web } });
    const c = h.connect().send("early");
    await h.settle();
    expect(c.received).toBe("220 ready\r\n");
    const [connection] = web.connections;
    c.send(" and late", true);
    expect([connection!.received, connection!.ended]).toEqual(["EARLY AND LATE", true]);
    connection!.slow();
    expect(c.paused).toBe(true);
    connection!.fast();
    connection!.close();
    expect(c.closedBy).toBe("now");
    expect(() => c.upstream).toThrow("has not come to the upstream");
  });

  test("clusters fail as they are told", async () => {
    const web = fakeCluster({ failure: "no_healthy_upstream" });
    const h = await networkHarness(forwarding, { clusters: { web } });
    expect(h.connect().closedBy).toBe("now");
    web.failure = "connection_failure";
    const c = h.connect();
    expect(c.closedBy).toBe("");
    await h.settle();
    expect([c.closedBy, web.connections.length]).toEqual(["now", 1]);
  });
});

test("definitions of another kind are refused", async () => {
  const { httpHarness } = await import("./http-filter-harness.ts");
  await expect(httpHarness(casing)).rejects.toThrow(
    "acme.network.casing is a filter of kind network, and this harness runs http filters",
  );
});
