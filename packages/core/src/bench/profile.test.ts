// With what a filter is measured: what stands in package.json, in a file and on the command line; what is wrong with it, in a sentence.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { httpTraffic, networkTraffic, readProfile } from "./profile.ts";
import { BenchError } from "./types.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

const manifest = file("package.json", {
  sluice: { bench: { config: { a: 1 }, request: { method: "PUT", body: "hello", chunkBytes: 2 } } },
});

describe("a profile", () => {
  test("of package.json is taken, and the later say more", () => {
    expect(readProfile(manifest, {}).config).toEqual({ a: 1 });
    const profile = file("profile.json", { config: { a: 2 }, response: { status: 404 } });
    expect(readProfile(manifest, { profile })).toMatchObject({ config: { a: 2 }, response: { status: 404 } });
    expect(readProfile(manifest, { profile, config: '{ "a": 3 }' }).config).toEqual({ a: 3 });
    expect(readProfile(manifest, { config: file("config.json", { a: 4 }) }).config).toEqual({ a: 4 });
    expect(readProfile(file("other.json", {}), {})).toEqual({});
  });

  test.each([
    [{ confg: {} }, 'unknown key "confg", did you mean "config"?'],
    [{ request: { body: 1 } }, "request.body: expected a string"],
    [{ request: [] }, "request: expected an object"],
    [{ request: { status: 200 } }, 'unknown key "status"'],
    [{ response: { status: "200" } }, "response.status: expected a whole number from 1 up"],
    [{ response: { headers: { a: 1 } } }, "response.headers.a: expected a string"],
    [{ exchangesPerConnection: 0 }, "exchangesPerConnection: expected a whole number from 1 up"],
    [[], "expected an object"],
    ["{", "is no JSON"],
  ])("%j is refused", (value, sentence) => {
    const read = () => readProfile(null, { profile: file("bad.json", value) });
    expect(read).toThrow(BenchError);
    expect(read).toThrow(sentence);
  });

  test("a missing file is named", () => {
    expect(() => readProfile(null, { config: join(folder, "none.json") })).toThrow(/none\.json cannot be read/);
  });
});

describe("requests", () => {
  test("have no body unless the profile or the command says so", () => {
    expect(httpTraffic({}, undefined)).toMatchObject({ method: "GET", requestChunks: [] });
    const body = httpTraffic({}, "body");
    expect(body.method).toBe("POST");
    expect(body.requestChunks.map(({ length }) => length)).toEqual([4096, 4096, 4096, 4096]);
    expect(httpTraffic(readProfile(manifest, {}), "headers").requestChunks).toEqual([]);
  });

  test("are what the profile says, in its chunks", () => {
    const { method, requestChunks } = httpTraffic(readProfile(manifest, {}), undefined);
    expect(method).toBe("PUT");
    expect(requestChunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["he", "ll", "o"]);
    expect(httpTraffic({ response: { body: "" } }, undefined).responseChunks).toEqual([]);
  });

  test("of network filters are exchanges", () => {
    expect(networkTraffic({ request: { body: "PING\r\n" }, exchangesPerConnection: 3 })).toMatchObject({
      exchangesPerConnection: 3,
      requestChunks: [new Uint8Array(Buffer.from("PING\r\n"))],
    });
  });
});
