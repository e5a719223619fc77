// The HTTP around the endpoints: paths, methods, who is let in, where it listens.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminFixture, ask } from "../../../../../test/support/admin-fixture.ts";
import type { AddressModel } from "../../config/model.ts";
import { AdminServer } from "./admin-server.ts";
import type { AdminContext } from "./endpoint.ts";
import { endpoints } from "./endpoints.ts";

let admin: AdminFixture;

beforeEach(async () => {
  admin = await AdminFixture.start();
});

afterEach(() => admin.admin.close());

describe("HTTP", () => {
  test("an unknown path gets the help", async () => {
    expect(await admin.ask("/nope")).toMatchObject({
      status: 404,
      body: expect.stringMatching(/^invalid path\. admin commands are:\n {2}\/:/),
    });
  });

  test("/help and / name every path", async () => {
    const [help, home] = [await admin.ask("/help"), await admin.ask("/")];
    expect(home.contentType).toBe("text/html; charset=utf-8");
    for (const { path } of endpoints) {
      expect(help.body).toContain(`  ${path}`);
      expect(home.body).toContain(`>${path}<`);
    }
  });

  test("HEAD has headers alone", async () => {
    expect(await admin.ask("/ready", "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  test.each(["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"])(
    "a page that names itself %s is kept out",
    async (host) => {
      expect(await admin.ask("/ready", "GET", { host })).toMatchObject({
        status: 403,
        body: "the host header does not name this machine\n",
      });
    },
  );

  test.each(["127.0.0.1", "localhost:9901", "[::1]:9901", "proxy.localhost", "192.168.1.4:80"])(
    "the name %s is this machine's",
    async (host) => {
      expect(await admin.ask("/ready", "GET", { host })).toMatchObject({ status: 200 });
    },
  );

  test("a form of another site does nothing", async () => {
    expect(await admin.ask("/quitquitquit", "POST", { origin: "https://evil.example" })).toMatchObject({ status: 403 });
    expect(await admin.ask("/quitquitquit", "POST", { "sec-fetch-site": "cross-site" })).toMatchObject({ status: 403 });
    expect(await admin.ask("/quitquitquit", "POST", { origin: "null" })).toMatchObject({ status: 403 });
    await new Promise(setImmediate);
    expect(admin.done).toEqual([]);
    const { port } = admin.admin.address as { port: number };
    expect(
      await admin.ask("/healthcheck/ok", "POST", { host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` }),
    ).toMatchObject({ status: 200 });
  });

  test("over a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-admin-"));
    const pipe: AddressModel = { kind: "pipe", path: join(folder, "admin.sock"), mode: 0o600 };
    const context = { server: { state: "LIVE" } } as unknown as AdminContext;
    const own = new AdminServer(context, { enabled: () => true, write: () => {} });
    await own.listen(pipe);
    expect(await ask(pipe, "/ready")).toMatchObject({ status: 200 });
    const second = new AdminServer(context, { enabled: () => true, write: () => {} });
    await expect(second.listen(pipe)).rejects.toThrow("is in use by another socket (EADDRINUSE)");
    await own.close();
    rmSync(folder, { recursive: true });
  });

  test("an address in use is told", async () => {
    const second = new AdminServer({} as AdminContext, { enabled: () => true, write: () => {} });
    const { port } = admin.admin.address as { port: number };
    await expect(second.listen({ kind: "ip", host: "127.0.0.1", port })).rejects.toThrow(
      `admin: 127.0.0.1:${port} is in use by another socket (EADDRINUSE)`,
    );
  });
});
