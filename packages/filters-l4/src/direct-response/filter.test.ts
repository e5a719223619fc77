import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { NetworkHarness, turns } from "../../../../test/support/network-harness.ts";
import type { ResponseSource } from "./config.ts";
import { createDirectResponse } from "./filter.ts";

afterEach(() => vi.unstubAllEnvs());

function answer(response: ResponseSource): { text: string; closedBy: string } {
  const client = new NetworkHarness({ direct: createDirectResponse({ response }) }).connect();
  client.receive("nobody listens");
  return { text: client.text, closedBy: client.closedBy };
}

test("every connection gets the bytes and is closed after them", async () => {
  const client = new NetworkHarness({
    direct: createDirectResponse({ response: { kind: "bytes", bytes: Buffer.from("closed\n") } }),
  }).connect();
  client.stall();
  await turns();
  expect(client.text).toBe("closed\n");
  expect(client.closedBy).toBe("flush");
});

test("without bytes it only closes", () => {
  expect(answer({ kind: "bytes", bytes: new Uint8Array(0) })).toEqual({ text: "", closedBy: "flush" });
});

test("bytes come from a file, read once", () => {
  const path = join(mkdtempSync(join(tmpdir(), "sluice-")), "motd");
  writeFileSync(path, "from a file");
  expect(answer({ kind: "file", path }).text).toBe("from a file");
  expect(() => createDirectResponse({ response: { kind: "file", path: `${path}.none` } })).toThrow("ENOENT");
});

test("bytes come from the environment", () => {
  vi.stubEnv("SLUICE_TEST_MOTD", "from the environment");
  expect(answer({ kind: "environment", variable: "SLUICE_TEST_MOTD" }).text).toBe("from the environment");
  expect(() => createDirectResponse({ response: { kind: "environment", variable: "SLUICE_TEST_NONE" } })).toThrow(
    "SLUICE_TEST_NONE is not set",
  );
});
