// What an edit means for connections and streams that are there: open streams end as they began, the next ones of the same connection are new.
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Client, Pool } from "undici";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { HttpOrigin } from "../support/http-origin.ts";
import { Http2Client } from "../support/http2-client.ts";
import { WatchedProxy, configOf, filterOf } from "./support/watched-proxy.ts";

const word = (text: string) => `export const word: string = ${JSON.stringify(text)};\n`;
const filter = filterOf("word", { imports: 'import { word } from "./word.ts";' });
const files = { "proxy.yaml": configOf(), "filter.ts": filter, "word.ts": word("one") };

/** The filters of these tests count into the process that they share with the test. */
const alive = globalThis as { sluiceTestAlive?: string[] };
const counted = filterOf("word", {
  imports: 'import { word } from "./word.ts";',
  create: `const alive = (globalThis as { sluiceTestAlive?: string[] }).sluiceTestAlive!;
    alive.push(word);`,
}).replace("return {", "return {\n      dispose: () => void alive.splice(alive.indexOf(word), 1),");

async function get(client: Client): Promise<string> {
  const { headers, body } = await client.request({ path: "/", method: "GET" });
  await body.dump();
  return `${headers["x-word"] as string} ${(headers["connection"] as string | undefined) ?? "kept"}`;
}

test("a connection that was idle has its next request on the new version, and stays open", async () => {
  await using proxy = await WatchedProxy.start(files);
  const client = new Client(proxy.url(""));
  const connections: unknown[] = [];
  client.on("connect", () => connections.push(1));
  expect(await get(client)).toBe("one kept");
  for (const text of ["two", "three"]) {
    await proxy.after(() => proxy.files.write("word.ts", word(text)));
    expect(await get(client)).toBe(`${text} kept`);
  }
  expect(connections).toHaveLength(1);
  await client.close();
});

test("an open stream ends on the version that it began with; the version goes with it", async () => {
  alive.sluiceTestAlive = [];
  const answers: Array<() => void> = [];
  await using origin = await HttpOrigin.start((_request, response) => {
    answers.push(() => response.end("done"));
  });
  await using proxy = await WatchedProxy.start({
    ...files,
    "filter.ts": counted,
    "proxy.yaml": configOf().replace("respond: 200", "cluster: web") + `clusters: { web: "${origin.address}" }\n`,
  });
  const client = new Client(proxy.url(""));
  const open = get(client);
  await eventually("the origin has the request", () => answers.length === 1);
  await proxy.after(() => proxy.files.write("word.ts", word("two")));
  await proxy.after(() => proxy.files.write("word.ts", word("three")));
  await eventually(
    "the version between is gone, which no stream had",
    () => alive.sluiceTestAlive!.join() === "one,three",
  );
  const later = get(new Client(proxy.url("")));
  await eventually("the origin has the other request", () => answers.length === 2);
  for (const answer of answers) answer();
  expect(await open).toMatch(/^one /);
  expect(await later).toMatch(/^three /);
  await eventually("the first version is gone", () => alive.sluiceTestAlive!.join() === "three");
  const again = get(client);
  await eventually("the origin has the third request", () => answers.length === 3);
  answers[2]!();
  expect(await again).toMatch(/^three /);
  await client.close();
});

test("requests that were sent ahead of their answers are each on the version that they began with", async () => {
  const answers: Array<() => void> = [];
  await using origin = await HttpOrigin.start((_request, response) => {
    answers.push(() => response.end("done"));
  });
  await using proxy = await WatchedProxy.start({
    ...files,
    "proxy.yaml": configOf().replace("respond: 200", "cluster: web") + `clusters: { web: "${origin.address}" }\n`,
  });
  const socket = connect(proxy.port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(socket, "connect");
  socket.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n");
  await eventually("the origin has the first request", () => answers.length === 1);
  await proxy.after(() => proxy.files.write("word.ts", word("two")));
  answers[0]!();
  await eventually("the origin has the second request", () => answers.length === 2);
  answers[1]!();
  await eventually("both are answered", () => text.split("done").length === 3);
  expect([...text.matchAll(/x-word: (\w+)/g)].map(([, found]) => found)).toEqual(["one", "two"]);
  socket.destroy();
});

test("only the chains that use a changed filter are made anew", async () => {
  alive.sluiceTestAlive = [];
  const second = `  - name: other
    address: 127.0.0.1:0
    http:
      filters: [acme.http.other]
      routes: [{ prefix: /, respond: 200 }]
`;
  const other = counted
    .replace("acme.http.word", "acme.http.other")
    .replaceAll("word", "other")
    .replace("./other.ts", "./name.ts");
  await using proxy = await WatchedProxy.start({
    ...files,
    "filter.ts": counted,
    "other.ts": other,
    "name.ts": 'export const other: string = "other";',
    "proxy.yaml": configOf(undefined, second).replace('"./filter.ts"', '"./filter.ts", "./other.ts"'),
  });
  const made = alive.sluiceTestAlive;
  expect(made.toSorted()).toEqual(["one", "other"]);
  const creations: string[] = [];
  alive.sluiceTestAlive.push = (...names) => {
    creations.push(...names);
    return Array.prototype.push.apply(alive.sluiceTestAlive, names);
  };
  await proxy.after(() => proxy.files.write("word.ts", word("two")));
  expect(creations).toEqual(["two"]);
  await proxy.after(() => proxy.files.write("name.ts", 'export const other: string = "another";'));
  expect(creations).toEqual(["two", "another"]);
  // A line more above a listener is no change of it.
  const routes = "routes:\n        - { prefix: /none, respond: 404 }\n        - { prefix: /, respond: 200 }";
  const both = configOf(undefined, second).replace('"./filter.ts"', '"./filter.ts", "./other.ts"');
  await proxy.after(() =>
    proxy.files.write("proxy.yaml", both.replace("routes: [{ prefix: /, respond: 200 }]", routes)),
  );
  expect(creations).toEqual(["two", "another", "two"]);
});

test("a connection behind network filters ends after its next response", async () => {
  const config = configOf().replace("    http:", "    filters: [acme.network.pass]\n    http:");
  await using proxy = await WatchedProxy.start({
    ...files,
    "proxy.yaml": config.replace('"./filter.ts"', '"./filter.ts", "./pass.ts"'),
    "pass.ts": `import { defineNetworkFilter } from "@sluice/sdk";
export default defineNetworkFilter({
  id: "acme.network.pass", maturity: "alpha", security: "unknown", config: { type: "object" },
  create: () => ({ onData() {} }),
});
`,
  });
  const client = new Client(proxy.url(""));
  expect(await get(client)).toBe("one kept");
  await proxy.after(() => proxy.files.write("word.ts", word("two")));
  expect(await get(client)).toBe("one close");
  expect(await get(client)).toBe("two kept");
  await client.close();
});

test.each([0, 2])("under load no request fails, with concurrency %i", async (concurrency) => {
  await using proxy = await WatchedProxy.start(files, { concurrency });
  const pool = new Pool(proxy.url(""), { connections: 8 });
  const words = new Set<string>();
  const swaps = 12;
  let requests = 0;
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const { statusCode, headers, body } = await pool.request({ path: "/", method: "GET" });
      await body.dump();
      expect(statusCode).toBe(200);
      words.add(headers["x-word"] as string);
      requests++;
      await turn();
    }
  };
  const clients = Array.from({ length: 8 }, client);
  const editing = async (): Promise<void> => {
    for (let swap = 1; swap <= swaps; swap++) {
      await proxy.after(() => proxy.files.write("word.ts", word(`v${swap}`)));
      const from = requests;
      await eventually("traffic goes on", () => requests >= from + 16 && words.has(`v${swap}`));
    }
    isOver = true;
  };
  await Promise.all([editing().finally(() => (isOver = true)), ...clients]);
  // Each version was live, and seen.
  expect([...words]).toEqual(expect.arrayContaining(Array.from({ length: swaps }, (_, i) => `v${i + 1}`)));
  await pool.close();
});

test.each([0, 2])(
  "over HTTP/2 connections that never rest no request fails either, with concurrency %i",
  async (concurrency) => {
    await using proxy = await WatchedProxy.start(files, { concurrency });
    const clients = await Promise.all([1, 2, 3].map(() => Http2Client.open(proxy.port)));
    const words = new Set<string>();
    let requests = 0;
    let isOver = false;
    const load = async (client: Http2Client): Promise<void> => {
      while (!isOver) {
        const { status, headers } = await client.send();
        expect(status).toBe(200);
        words.add(headers["x-word"] as string);
        requests++;
        await turn();
      }
    };
    const loads = clients.flatMap((client) => Array.from({ length: 4 }, () => load(client)));
    const editing = async (): Promise<void> => {
      for (let swap = 1; swap <= 6; swap++) {
        await proxy.after(() => proxy.files.write("word.ts", word(`v${swap}`)));
        const from = requests;
        await eventually("traffic goes on", () => requests >= from + 24 && words.has(`v${swap}`));
      }
    };
    await Promise.all([editing().finally(() => (isOver = true)), ...loads]);
    expect([...words]).toEqual(expect.arrayContaining(["v1", "v2", "v3", "v4", "v5", "v6"]));
    expect(clients.every(({ closed, goaways }) => !closed && goaways.length === 0)).toBe(true);
    for (const client of clients) await client[Symbol.asyncDispose]();
  },
);

test("streams of an HTTP/2 connection end as they began, each on its version, while new ones are on the newest", async () => {
  alive.sluiceTestAlive = [];
  const answers: Array<() => void> = [];
  await using origin = await HttpOrigin.start((_request, response) => {
    answers.push(() => response.end("done"));
  });
  await using proxy = await WatchedProxy.start({
    ...files,
    "filter.ts": counted,
    "proxy.yaml": configOf().replace("respond: 200", "cluster: web") + `clusters: { web: "${origin.address}" }\n`,
  });
  await using client = await Http2Client.open(proxy.port);
  const open: Array<ReturnType<Http2Client["send"]>> = [];
  const opened = async (): Promise<void> => {
    open.push(client.send());
    await eventually("the origin has the request", () => answers.length === open.length);
  };
  await opened();
  await opened();
  await proxy.after(() => proxy.files.write("word.ts", word("two")));
  await opened();
  await proxy.after(() => proxy.files.write("word.ts", word("three")));
  await opened();
  expect(alive.sluiceTestAlive!.join()).toBe("one,two,three");
  answers[2]!();
  expect((await open[2]!).headers["x-word"]).toBe("two");
  await eventually("the second version is gone", () => alive.sluiceTestAlive!.join() === "one,three");
  answers[0]!();
  expect((await open[0]!).headers["x-word"]).toBe("one");
  answers[1]!();
  expect((await open[1]!).headers["x-word"]).toBe("one");
  await eventually("the first version is gone", () => alive.sluiceTestAlive!.join() === "three");
  answers[3]!();
  expect((await open[3]!).headers["x-word"]).toBe("three");
});
