// What the process says of itself, and the commands to it.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminFixture } from "../../../../../test/support/admin-fixture.ts";
import { endpoints } from "./endpoints.ts";

let admin: AdminFixture;

beforeEach(async () => {
  admin = await AdminFixture.start();
});

afterEach(() => admin.admin.close());

describe("state", () => {
  test.each([
    ["LIVE", 200],
    ["DRAINING", 503],
    ["INITIALIZING", 503],
    ["PRE_INITIALIZING", 503],
  ] as const)("/ready answers %s with %d", async (now, status) => {
    admin.state = now;
    expect(await admin.ask("/ready")).toMatchObject({ status, body: `${now}\n` });
  });

  test("/server_info tells version, state, uptime, how it was started and who it is", async () => {
    expect(await admin.json("/server_info")).toMatchObject({
      version: expect.stringMatching(/^sluice\//),
      state: "LIVE",
      uptime_current_epoch: expect.stringMatching(/^\d+s$/),
      command_line_options: { concurrency: 2, config_path: "proxy.yaml" },
      node: { id: "test-node", cluster: "test-cluster" },
    });
  });

  test("/memory tells numbers as strings, as proto JSON does", async () => {
    const memory = (await admin.json("/memory")) as Record<string, string>;
    expect(Number(memory["total_physical_bytes"])).toBeGreaterThan(1_000_000);
    for (const value of Object.values(memory)) expect(value).toMatch(/^\d+$/);
  });

  test("commands are carried out by POST", async () => {
    for (const path of [
      "/healthcheck/fail",
      "/healthcheck/ok",
      "/drain_listeners",
      "/drain_listeners?graceful&skip_exit",
      "/quitquitquit",
    ]) {
      expect(await admin.ask(path, "POST")).toMatchObject({ status: 200, body: "OK\n" });
    }
    await new Promise(setImmediate);
    expect(admin.done).toEqual(["healthcheck fail", "healthcheck ok", "drain false false", "drain true true", "quit"]);
  });

  test("what cannot be done is refused", async () => {
    expect(await admin.ask("/drain_listeners?skip_exit", "POST")).toMatchObject({
      status: 400,
      body: "skip_exit requires graceful\n",
    });
    expect(await admin.ask("/drain_listeners?inboundonly", "POST")).toMatchObject({ status: 400 });
    expect(admin.done).toEqual([]);
  });

  test("every command is refused to other methods, and nothing happens", async () => {
    for (const { path } of endpoints.filter(({ mutates }) => mutates)) {
      expect(await admin.ask(path)).toMatchObject({ status: 405, body: "Method GET not allowed, POST required." });
    }
    expect(admin.done).toEqual([]);
    expect(admin.threshold.level).toBe("info");
  });
});

describe("the log level", () => {
  test.each([
    ["debug", "debug"],
    ["trace", "debug"],
    ["warning", "warn"],
    ["critical", "error"],
    ["off", "off"],
  ] as const)("is set by its Envoy name %s", async (name, level) => {
    expect(await admin.ask(`/logging?level=${name}`, "POST")).toMatchObject({
      status: 200,
      body: `active loggers:\n  all: ${level}\n`,
    });
    expect(admin.threshold.level).toBe(level);
  });

  test.each(["level=loud", "upstream=debug", "paths=http:debug", "level=toString"])(
    "%s is refused with the usage",
    async (query) => {
      const { status, body } = await admin.ask(`/logging?${query}`, "POST");
      expect(status).toBe(400);
      expect(body).toContain("usage: /logging?level=<level>");
      expect(admin.threshold.level).toBe("info");
    },
  );
});
