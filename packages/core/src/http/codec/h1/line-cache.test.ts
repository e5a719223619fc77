/** The cache from header lines to fields: what is remembered is right, bounded, and never a secret. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { LineCache } from "./line-cache.ts";

function look(cache: LineCache, line: string): ReturnType<LineCache["field"]> {
  const text = `Before: x\r\n${line}\r\nAfter: y\r\n`;
  return cache.field(text, 11, 11 + line.length);
}

describe("a line", () => {
  it("is one object from its second sight on", () => {
    const cache = new LineCache();
    const first = look(cache, "Accept-Encoding: gzip");
    const second = look(cache, "Accept-Encoding: gzip");
    expect(second).not.toBe(first);
    expect(look(cache, "Accept-Encoding: gzip")).toBe(second);
    expect(second).toMatchObject({ name: "accept-encoding", value: "gzip" });
  });

  it("is another line where anything differs", () => {
    const cache = new LineCache();
    const lines = [
      "A-Name: value",
      "a-name: value",
      "A-Name: valuf",
      "A-Name: Value",
      "A-Name:  value",
      "A-Mame: value",
      "A-Name: value ",
    ];
    for (let i = 0; i < 4; i++) {
      for (const line of lines) {
        const [name, value] = line.split(":");
        expect(look(cache, line)).toMatchObject({ name: name!.toLowerCase(), value: value!.trim() });
      }
    }
  });

  it("that is not legal stays so", () => {
    const cache = new LineCache();
    for (const line of ["Bad Name: x", "Name : x", "Name: \0", "Name", ":", ": x", "", "N\xe4me: x", "Name: a\nb"]) {
      for (let i = 0; i < 4; i++) expect(look(cache, line)).toBeNull();
    }
  });
});

describe("what is not remembered", () => {
  it.each([
    "Authorization: Bearer abc",
    "Proxy-Authorization: Basic abc",
    "Cookie: a=b",
    "Set-Cookie: a=b",
    "X-Request-Id: 1",
    "X-Api-Key: abc",
    "X-CSRF-Token: abc",
    "X-Session: abc",
    "traceparent: 00-1-2-01",
    "X-B3-TraceId: abc",
    `X-Long: ${"a".repeat(200)}`,
  ])("is %s", (line) => {
    const cache = new LineCache();
    const seen = new Set([look(cache, line), look(cache, line), look(cache, line)]);
    expect(seen.size).toBe(3);
  });
});

it("gives the right field under any load", () => {
  const cache = new LineCache();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20_000; i++) {
      const name = `X-${i % 997}`;
      const value = `v${i % 1009}`;
      const field = look(cache, `${name}: ${value}`);
      if (field === null || field.name !== name.toLowerCase() || field.value !== value)
        throw new Error(`wrong field for ${name}: ${value}`);
    }
  }
});

it("keeps nothing of the head that a line came in", () => {
  const cache = new LineCache();
  const before = heapAfterCollection();
  for (let i = 0; i < 600; i++) {
    // Each head is of 100 KB; what is kept of it is a line of 30 bytes. The lines differ where the hash looks.
    const line = `X-N${String.fromCharCode(97 + (i % 26))}me: a value of line ${i}`;
    for (let round = 0; round < 2; round++) {
      const text = Buffer.alloc(100_000, `${line}\r\n`).toString("latin1");
      cache.field(text, 0, line.length);
    }
  }
  expect(heapAfterCollection() - before).toBeLessThan(5_000_000);
  // Alive up to here.
  expect(look(cache, "A: b")).toMatchObject({ name: "a", value: "b" });
});

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}
