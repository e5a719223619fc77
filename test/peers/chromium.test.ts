// Chromium loads a page of 200 resources over HTTP/2 with TLS, through the proxy from an HTTP/1 origin.
import { mkdtempDisposable } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HttpOrigin } from "../support/http-origin.ts";
import { runProgram } from "../support/program.ts";
import { forwardTo, startProxy } from "../support/proxy.ts";
import { certificate } from "../support/tls.ts";

const RESOURCES = 200;
const tls = (({ cert, key }) => ({ cert, key }))(certificate("server"));

/** What the page finds out about itself when it has loaded. */
interface Seen {
  readonly scripts: number;
  readonly styles: number;
  readonly images: number;
  readonly entries: number;
  readonly protocols: readonly string[];
  /** Of requests for which a connection was opened, rather than used again. */
  readonly connects: number;
  readonly page: string;
}

const index = (i: number) => `/r/${i}.${["js", "css", "svg"][i % 3]}`;

function page(): string {
  const tags = Array.from({ length: RESOURCES }, (_, i) => {
    if (i % 3 === 0) return `<script src="${index(i)}"></script>`;
    if (i % 3 === 1) return `<link rel="stylesheet" href="${index(i)}">`;
    return `<img src="${index(i)}" onload="pictures++">`;
  });
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>page</title>
<script>var scripts = 0, pictures = 0;</script>
${tags.join("\n")}
<pre id="seen">not loaded</pre>
<script>
addEventListener("load", () => {
  const entries = performance.getEntriesByType("resource");
  const navigation = performance.getEntriesByType("navigation")[0];
  document.getElementById("seen").textContent = JSON.stringify({
    scripts, images: pictures,
    styles: [...document.styleSheets].filter((sheet) => sheet.cssRules.length === 1).length,
    entries: entries.length,
    protocols: [...new Set(entries.map((entry) => entry.nextHopProtocol))],
    connects: entries.filter((entry) => entry.connectEnd > entry.connectStart).length,
    page: navigation.nextHopProtocol,
  });
});
</script>`;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const { url = "/" } = request;
  if (url === "/") return void response.setHeader("content-type", "text/html").end(page());
  const [, at, kind] = /^\/r\/(\d+)\.(js|css|svg)$/.exec(url) ?? [];
  const filler = "x".repeat(Number(at) * 50);
  if (kind === "js") return void response.setHeader("content-type", "text/javascript").end(`scripts++; //${filler}`);
  if (kind === "css")
    return void response.setHeader("content-type", "text/css").end(`.c${at} { top: 1px } /*${filler}*/`);
  if (kind !== "svg") return void response.writeHead(404).end();
  response.setHeader("content-type", "image/svg+xml");
  // Without a length: in chunks.
  response.write('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">');
  response.end(`<!--${filler}--></svg>`);
}

test("all of 200 resources are loaded, by HTTP/2, over one connection", async () => {
  await using origin = await HttpOrigin.start(serve);
  await using proxy = await startProxy(forwardTo(origin.address, { listener: { tls } }));
  await using folder = await mkdtempDisposable(join(tmpdir(), "sluice-chromium-"));
  const { out, err } = await runProgram(
    "chromium-headless-shell",
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--no-first-run",
      "--ignore-certificate-errors",
      `--user-data-dir=${folder.path}`,
      "--virtual-time-budget=20000",
      "--dump-dom",
      `https://localhost:${proxy.port}/`,
    ],
    "",
    45_000,
  );
  const [, text] = /<pre id="seen">(.*?)<\/pre>/.exec(out) ?? [];
  if (text === undefined || !text.startsWith("{"))
    throw new Error(`the page did not load: ${text}\n${err}\n${out.slice(0, 500)}`);
  const seen = JSON.parse(text) as Seen;
  expect(seen).toEqual({
    scripts: 67,
    styles: 67,
    images: 66,
    entries: RESOURCES,
    protocols: ["h2"],
    connects: 0,
    page: "h2",
  });
  const asked = origin.seen.filter((line) => line.includes("/r/"));
  expect(new Set(asked).size).toBe(RESOURCES);
  expect(await proxy.admin.stat("http.front.downstream_rq_http2_total")).toBe(RESOURCES + 1);
  expect(await proxy.admin.stat("http.front.downstream_cx_http2_total")).toBe(1);
});
