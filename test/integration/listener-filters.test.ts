// Listener filters in a whole proxy: by their names, from a module of the user's own, in worker threads; what filters and logs behind them see.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineHttpFilter, defineListenerFilter, parsedBy, reply } from "@sluice/sdk";
import { describe, expect, onTestFinished, test } from "vitest";
import { createServer } from "../../packages/core/src/index.ts";
import { root } from "../guard/tree.ts";
import { type Echo, HttpOrigin } from "../support/http-origin.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { RawPeer } from "../support/raw-peer.ts";

const V1 = "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n";
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const base = { maturity: "alpha", security: "unknown", config: parsedBy(() => ({})) } as const;

test.each([0, 2])(
  "proxy_protocol: true names the client to the origin and the access log, %i workers",
  async (concurrency) => {
    await using origin = await HttpOrigin.start();
    const addresses =
      "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%";
    const http = {
      use_remote_address: true,
      access_log: { to: "LOG_FILE", format: `200 - - ${addresses}` },
    };
    const config = forwardTo(origin.address, { http, listener: { proxy_protocol: true } });
    await using proxy = await startProxy(config, { concurrency });
    const peer = await RawPeer.open(proxy.port);
    const { body } = await peer.send(V1 + GET).next();
    expect((JSON.parse(body.toString()) as Echo).headers["x-forwarded-for"]).toBe("203.0.113.7");
    peer.close();
    const [line] = await proxy.accessLog();
    expect([line!.method, line!.path, line!.received]).toEqual(["203.0.113.7:4711", "127.0.0.1", 443]);
  },
);

describe("a filter of the user's own", () => {
  test("from a module that the configuration names, in worker threads", async () => {
    // Below the repository, where its packages are found.
    const parent = join(root, "node_modules/.cache");
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, "sluice-listener-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const module = join(folder, "ports.js");
    writeFileSync(
      module,
      `import { defineListenerFilter, parsedBy } from "@sluice/sdk";
export default defineListenerFilter({
  id: "acme.listener.magic", maturity: "alpha", security: "unknown",
  config: parsedBy((value) => value),
  create: ({ word }) => ({
    onPeek(data, connection) {
      if (data.length < word.length) return 1;
      if (Buffer.from(data.subarray(0, word.length)).toString() === word) connection.consume(word.length);
      else connection.close("abort");
    },
  }),
});
`,
    );
    await using origin = await HttpOrigin.start();
    const listener = { listener_filters: [{ magic: { word: "sesame " } }] };
    const config = forwardTo(origin.address, { listener, config: { extensions: [module] } });
    await using proxy = await startProxy(config, { concurrency: 1 });
    const welcome = await RawPeer.open(proxy.port);
    expect((await welcome.send("ses").send(`ame ${GET}`).next()).startLine).toBe("HTTP/1.1 200 OK");
    welcome.close();
    const other = await RawPeer.open(proxy.port);
    await other.send(GET).gone();
    expect(other.error).toBe("ECONNRESET");
  });

  test("leaves filter state that HTTP filters see in all streams of the connection", async () => {
    const leave = defineListenerFilter({
      ...base,
      id: "acme.listener.leave",
      create: () => ({
        onPeek: (data, connection) => connection.filterState.set("acme.first", String.fromCharCode(data[0]!)),
      }),
    });
    const tell = defineHttpFilter({
      ...base,
      id: "acme.http.tell",
      create: () => ({
        onRequestHeaders: (_headers, _end, stream) =>
          reply({ status: 200, body: String(stream.filterState.get("acme.first")) }),
      }),
    });
    const config = forwardTo("127.0.0.1:1", {
      http: { filters: ["acme.http.tell"] },
      listener: { listener_filters: ["acme.listener.leave"] },
    });
    await using proxy = await startProxy(config, { concurrency: 0, extensions: [leave, tell] });
    const peer = await RawPeer.open(proxy.port);
    for (let i = 0; i < 2; i++) expect((await peer.send(GET).next()).body.toString()).toBe("G");
    peer.close();
  });

  test("written where it is used", async () => {
    const refuse = defineListenerFilter({
      ...base,
      id: "acme.listener.refuse",
      create: () => ({ onAccept: (connection) => connection.close() }),
    });
    const config = forwardTo("127.0.0.1:1");
    const [front] = config.listeners!;
    const server = createServer(
      { ...config, listeners: [{ ...front!, http: { routes: [] }, listener_filters: [refuse] }] },
      { concurrency: 0 },
    );
    const { listeners } = await server.start();
    onTestFinished(() => server.stop());
    const peer = await RawPeer.open(listeners[0]!.port);
    expect(await peer.gone()).toBe("");
  });
});

test("statistics of connections that are not with their chain yet", async () => {
  await using origin = await HttpOrigin.start();
  const listener = { stat_prefix: "in", listener_filters: ["http_inspector"] };
  await using proxy = await startProxy(forwardTo(origin.address, { listener }));
  const peer = await RawPeer.open(proxy.port);
  await proxy.admin.reaches("listener.in.downstream_pre_cx_active", 1);
  await peer.send(GET).next();
  await proxy.admin.reaches("listener.in.downstream_pre_cx_active", 0);
  expect(await proxy.admin.stat("listener.in.downstream_cx_active")).toBe(1);
  expect(await proxy.admin.stat("http_inspector.http11_found")).toBe(1);
  peer.close();
});
