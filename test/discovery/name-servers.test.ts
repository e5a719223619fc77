/** Names, services and times to live as they come from a real name server over UDP and TCP. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DnsResolverModel } from "../../packages/core/src/config/discovery-model.ts";
import { Resolvers } from "../../packages/core/src/upstream/discovery/dns-resolver.ts";
import { HostsFile } from "../../packages/core/src/upstream/discovery/hosts-file.ts";
import { DnsServer } from "../support/dns-server.ts";

let server: DnsServer;
let folder = "";
let hostsFile = "";
let servers: DnsResolverModel;

beforeEach(async () => {
  server = await DnsServer.start();
  servers = { kind: "servers", servers: [server.address] };
  folder = mkdtempSync(join(tmpdir(), "sluice-hosts-"));
  hostsFile = join(folder, "hosts");
  server.set("web.test", [
    { type: "A", address: "10.0.0.1", ttl: 30 },
    { type: "A", address: "10.0.0.2", ttl: 20 },
    { type: "AAAA", address: "fd00::1", ttl: 40 },
  ]);
  server.set("four.test", [{ type: "A", address: "10.0.0.4", ttl: 5 }]);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const made = (): Resolvers => new Resolvers(undefined, undefined, new HostsFile(hostsFile));

describe("name servers of a cluster", () => {
  it("answer with addresses by family, and the shortest time to live of the records", async () => {
    const resolve = made().names(servers);
    const v4 = { addresses: ["10.0.0.1", "10.0.0.2"], ttlMs: 20_000 };
    const v6 = { addresses: ["fd00::1"], ttlMs: 40_000 };
    expect(await resolve("web.test", "v4_only", true)).toEqual(v4);
    expect(await resolve("web.test", "v6_only", true)).toEqual(v6);
    expect(await resolve("web.test", "v4_preferred", true)).toEqual(v4);
    expect(await resolve("web.test", "auto", true)).toEqual(v6);
    expect(await resolve("web.test", "all", true)).toEqual({
      addresses: ["fd00::1", "10.0.0.1", "10.0.0.2"],
      ttlMs: 20_000,
    });
  });

  it("are asked for the other family where the first has nothing", async () => {
    const resolve = made().names(servers);
    expect(await resolve("four.test", "auto", false)).toEqual({ addresses: ["10.0.0.4"], ttlMs: 5000 });
    expect(await resolve("four.test", "v6_only", false)).toEqual({ addresses: [], ttlMs: -1 });
    expect(server.asked).toEqual(["AAAA four.test udp", "A four.test udp", "AAAA four.test udp"]);
  });

  it("are asked by TCP where an answer is cut off", async () => {
    server.truncate("four.test");
    const resolve = made().names(servers);
    expect((await resolve("four.test", "v4_only", false)).addresses).toEqual(["10.0.0.4"]);
    expect(server.asked).toEqual(["A four.test udp", "A four.test tcp"]);
  });

  it("fail with a name that is not there, or where they say so", async () => {
    const resolve = made().names({ ...servers, tries: 1 } as DnsResolverModel);
    await expect(resolve("none.test", "auto", false)).rejects.toMatchObject({ code: "ENOTFOUND" });
    server.set("bad.test", "servfail");
    await expect(resolve("bad.test", "v4_only", false)).rejects.toMatchObject({ code: "ESERVFAIL" });
  });

  it("are given up after the time and the tries that are configured", async () => {
    server.set("mute.test", "silence");
    const resolve = made().names({ ...servers, timeoutMs: 20, tries: 2 } as DnsResolverModel);
    await expect(resolve("mute.test", "v4_only", false)).rejects.toMatchObject({ code: "ETIMEOUT" });
    await vi.waitFor(() => expect(server.asked).toEqual(["A mute.test udp", "A mute.test udp"]), { timeout: 30_000 });
  });

  it("are given up at once when it is all over", async () => {
    server.set("mute.test", "silence");
    const resolvers = made();
    const answer = resolvers.names(servers)("mute.test", "auto", false);
    const outcome = answer.catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    await vi.waitFor(() => expect(server.asked).not.toEqual([]), { timeout: 30_000 });
    resolvers.cancel();
    expect(await outcome).toBe("ECANCELLED");
    // Not for the other family either.
    expect(new Set(server.asked)).toEqual(new Set(["AAAA mute.test udp"]));
  });

  it("are not asked for addresses, nor for names of the hosts file, which is read anew when it changes", async () => {
    const resolve = made().names(servers);
    expect(await resolve("10.9.9.9", "auto", false)).toEqual({ addresses: ["10.9.9.9"], ttlMs: -1 });
    writeFileSync(
      hostsFile,
      "# local\n10.1.1.1 web.test www.web.test # same\n10.1.1.2\tWEB.test\nnonsense x\nfd00::9 web.test\n",
    );
    expect((await resolve("web.test", "v4_only", true)).addresses).toEqual(["10.1.1.1", "10.1.1.2"]);
    expect((await resolve("web.test", "auto", true)).addresses).toEqual(["fd00::9"]);
    expect((await resolve("www.web.test", "auto", true)).addresses).toEqual(["10.1.1.1"]);
    expect(server.asked).toEqual([]);
    rmSync(hostsFile);
    expect((await resolve("web.test", "v4_only", true)).addresses).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  it("answer with the records of a service", async () => {
    server.set("_http._tcp.web.test", [
      { type: "SRV", target: "a.test", port: 81, priority: 1, weight: 2 },
      { type: "SRV", target: "b.test", port: 82, priority: 3, weight: 0 },
    ]);
    server.set("_gone._tcp.web.test", [{ type: "SRV", target: ".", port: 0 }]);
    server.set("_none._tcp.web.test", []);
    const resolve = made().services(servers);
    expect(await resolve("_http._tcp.web.test")).toMatchObject([
      { name: "a.test", port: 81, priority: 1, weight: 2 },
      { name: "b.test", port: 82, priority: 3, weight: 0 },
    ]);
    expect((await resolve("_gone._tcp.web.test")).map(({ name }) => name.replace(".", ""))).toEqual([""]);
    expect(await resolve("_none._tcp.web.test")).toEqual([]);
    await expect(resolve("_x._tcp.none.test")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("the system's way", () => {
  it("finds names of the system and knows no time to live", async () => {
    const resolve = made().names({ kind: "system" });
    expect(await resolve("localhost", "v4_only", true)).toEqual({ addresses: ["127.0.0.1"], ttlMs: -1 });
  });
});
