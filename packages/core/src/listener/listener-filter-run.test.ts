import {
  Continue,
  type ListenerConnection,
  type ListenerFilter,
  Stop,
  defineListenerFilter,
  parsedBy,
} from "@sluice/sdk";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PeekOptions, PeekBench, eats, sees } from "../../../../test/support/peek-bench.ts";

const bench = (filters: Record<string, ListenerFilter>, options?: PeekOptions): PeekBench =>
  new PeekBench(filters, options);

describe("the order of things", () => {
  test("filters run one after another, and the chain gets the connection after the last", () => {
    const events: string[] = [];
    const tells = (name: string): ListenerFilter => ({
      onAccept: () => void events.push(`${name} accept`),
      onPeek: (data) => void events.push(`${name} ${Buffer.from(data).toString()}`),
    });
    const { client } = bench({ a: tells("a"), b: tells("b") });
    expect(events).toEqual(["a accept"]);
    client.connection.receive("xy");
    expect(events).toEqual(["a accept", "a xy", "b accept", "b xy"]);
    expect([client.place, client.chainBytes.toString()]).toEqual(["chain", "xy"]);
  });

  test("without onPeek nothing is waited for", () => {
    expect(bench({ a: { onAccept: () => Continue }, b: {} }).client.place).toBe("chain");
  });

  test("Stop asks for more, and shows all bytes so far", () => {
    const seen: string[] = [];
    const { client } = bench({ a: sees("!", seen) });
    for (const part of ["a", "bc", "d!e"]) client.connection.receive(part);
    expect(seen).toEqual(["a", "abc", "abcd!e"]);
    expect([client.place, client.chainBytes.toString()]).toEqual(["chain", "abcd!e"]);
    client.connection.receive("f");
    expect(client.chainBytes.toString()).toBe("abcd!ef");
  });

  test("what one filter consumed the next does not see, nor the chain", () => {
    const seen: string[] = [];
    const { client } = bench({ a: eats(2), b: eats(1), c: sees(".", seen) });
    for (const byte of "12345.") client.connection.receive(byte);
    expect(seen.at(-1)).toBe("45.");
    expect(client.chainBytes.toString()).toBe("45.");
  });

  test("Stop after consuming shows what is left, at once", () => {
    const seen: string[] = [];
    const line: ListenerFilter = {
      onPeek(data, connection) {
        const text = Buffer.from(data).toString();
        seen.push(text);
        const end = text.indexOf("\n");
        if (end !== -1) connection.consume(end + 1);
        return text.startsWith(".") ? Continue : Stop;
      },
    };
    const { client } = bench({ line });
    client.connection.receive("a\nb\n.\nrest");
    expect(seen).toEqual(["a\nb\n.\nrest", "b\n.\nrest", ".\nrest"]);
    expect(client.chainBytes.toString()).toBe("rest");
  });

  test("maxPeekBytes bounds what a filter sees, not what the chain gets", () => {
    const seen: string[] = [];
    const { client } = bench({ a: sees("c", seen) }, { maxPeekBytes: 3 });
    client.connection.receive("abcdef");
    expect(seen).toEqual(["abc"]);
    expect(client.chainBytes.toString()).toBe("abcdef");
  });

  test("maxPeekBytes 0, set in onAccept, is no peek", () => {
    const { client } = bench({ a: { ...sees("x"), onAccept: (connection) => void (connection.maxPeekBytes = 0) } });
    expect(client.place).toBe("chain");
  });
});

describe("facts", () => {
  test("are seen by later filters and stay with the connection", () => {
    const names: string[] = [];
    const { client } = bench({
      first: {
        onAccept(connection) {
          connection.setRemoteAddress("2001:db8::7", 4000);
          connection.setLocalAddress("::ffff:10.0.0.1", 443);
          connection.setServerName("WWW.Example.com");
          connection.setApplicationProtocols(["h2", "http/1.1"]);
          connection.setTransportProtocol("tls");
          connection.metadata.set("acme.first", { seen: 1 });
          connection.filterState.set("acme.key", "value");
        },
      },
      second: { onAccept: ({ connection }) => void names.push(connection.requestedServerName) },
    });
    expect(names).toEqual(["www.example.com"]);
    expect(client.info).toMatchObject({
      directRemote: { address: "192.0.2.1:4711" },
      remote: { address: "[2001:db8::7]:4000", ip: "2001:db8::7", port: 4000 },
      local: { address: "10.0.0.1:443" },
      directLocal: { address: "192.0.2.2:80" },
      requestedServerName: "www.example.com",
      applicationProtocols: ["h2", "http/1.1"],
      transportProtocol: "tls",
    });
    expect(client.earlier?.metadata?.get("acme.first")).toEqual({ seen: 1 });
    expect(client.earlier?.filterState?.get("acme.key")).toBe("value");
  });

  test("nothing left behind costs nothing", () => {
    expect(bench({ a: {} }).client.earlier).toBeNull();
  });

  test.each<[string, (connection: ListenerConnection) => void, string]>([
    ["an address that is none", (c) => c.setRemoteAddress("localhost", 1), "is no IP address"],
    ["a port that is none", (c) => c.setLocalAddress("::1", 65_536), "port 65536"],
    ["a limit above the definition's", (c) => void (c.maxPeekBytes = 4097), "maxPeekBytes 4097"],
    ["bytes that it has not seen", (c) => c.consume(1), "consume(1): the filter has seen 0 bytes"],
    ["resume() inside a hook", (c) => c.resume(), "return Continue"],
  ])("%s: the filter fails", (_title, act, message) => {
    const { client, lines } = bench({ a: { onAccept: act } });
    expect(client.place).toBe("closed");
    expect(lines.at(-1)).toContain(message);
  });
});

describe("holding", () => {
  test("Stop at onAccept holds everything until resume()", () => {
    let held: ListenerConnection | null = null;
    const { client } = bench({
      a: {
        onAccept(connection) {
          held = connection;
          return Stop;
        },
        ...sees("b"),
      },
    });
    expect(client.connection.paused).toBe(true);
    client.connection.receive("ab");
    expect(client.place).toBe("filters");
    held!.resume();
    expect([client.place, client.chainBytes.toString(), client.connection.paused]).toEqual(["chain", "ab", false]);
    held!.resume();
  });

  test("resume() ends the wait for bytes", () => {
    let held: ListenerConnection | null = null;
    const { client } = bench({
      a: {
        onPeek(_data, connection) {
          held = connection;
          return Stop;
        },
      },
    });
    client.connection.receive("ab");
    held!.consume(1);
    held!.resume();
    expect([client.place, client.chainBytes.toString()]).toEqual(["chain", "b"]);
  });

  test("a promise holds the connection; its verdict counts, and what it consumed", async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { client } = bench({
      a: {
        async onPeek(data, connection) {
          const gate = Promise.withResolvers<void>();
          gates.push(gate);
          await gate.promise;
          if (data.length < 2) return Stop;
          connection.consume(1);
          return Continue;
        },
      },
    });
    client.connection.receive("a");
    expect(client.connection.paused).toBe(true);
    client.connection.receive("b");
    expect(gates).toHaveLength(1);
    gates[0]!.resolve();
    await expect.poll(() => gates.length).toBe(2);
    gates[1]!.resolve();
    await expect.poll(() => client.place).toBe("chain");
    expect([client.chainBytes.toString(), client.connection.paused]).toEqual(["b", false]);
  });

  test("the end of what the client says is kept while a promise is open", async () => {
    const gate = Promise.withResolvers<void>();
    const { client } = bench({ a: { onPeek: () => gate.promise } });
    client.connection.receive("all");
    client.connection.receiveEnd();
    expect([client.place, client.chainEnded]).toEqual(["filters", false]);
    gate.resolve();
    await expect.poll(() => client.chainEnded).toBe(true);
    expect(client.chainBytes.toString()).toBe("all");
  });
});

test("any split leaves the same bytes to the chain, and shows filters the same in the end", () => {
  // Longer than what the two eat together: the third is to see something.
  const message = fc.uint8Array({ minLength: 13, maxLength: 60 });
  const cuts = fc.array(fc.nat(60), { maxLength: 12 });
  fc.assert(
    fc.property(message, cuts, fc.nat(6), fc.nat(6), (bytes, at, first, second) => {
      let last = Buffer.alloc(0);
      const whole: ListenerFilter = {
        onPeek(data) {
          last = Buffer.from(data);
          return data.length < bytes.length - first - second ? Stop : Continue;
        },
      };
      const { client } = bench({ a: eats(first), b: eats(second), whole });
      const places = [...new Set(at.filter((place) => place < bytes.length))].sort((a, b) => a - b);
      let from = 0;
      for (const to of [...places, bytes.length]) {
        client.connection.receive(bytes.subarray(from, to));
        from = to;
      }
      const rest = Buffer.from(bytes.subarray(first + second));
      expect([client.place, client.chainBytes, last]).toEqual(["chain", rest, rest]);
    }),
  );
});

test("a definition checks its fields", () => {
  const base = {
    id: "acme.listener.x",
    maturity: "alpha",
    security: "unknown",
    config: parsedBy(() => 0),
    create: () => ({}),
  } as const;
  expect(defineListenerFilter({ ...base, maxPeekBytes: 100 }).maxPeekBytes).toBe(100);
  expect(() => defineListenerFilter({ ...base, maxPeekBytes: 131_073 })).toThrow("at most 131072");
  expect(() => defineListenerFilter({ ...base, maxPeekBytes: 0 })).toThrow("maxPeekBytes");
});
