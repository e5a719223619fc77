// A component is swapped when its bytes change, as when it was compiled again.
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { expect, test } from "vitest";
import { WatchedProxy } from "./support/watched-proxy.ts";

const built = (name: string) =>
  fileURLToPath(new URL(`../../examples/filters/wasm-greeting/wasm/${name}.wasm`, import.meta.url));
const config = (extensions: string, filter: string) => `extensions: [${extensions}]
listeners:
  - name: front
    address: 127.0.0.1:0
    http:
      filters: [${filter}]
      routes: [{ prefix: /, respond: 200 }]
`;
const GREETING = config("./filter.wasm", "acme.http.wasm-greeting: { value: hello }");

test.each([0, 1])("with concurrency %i", async (concurrency) => {
  await using proxy = await WatchedProxy.start({ "proxy.yaml": config("", "") }, { concurrency });
  await proxy.after(() => proxy.files.write("proxy.yaml", GREETING));
  copyFileSync(built("greeting-c"), proxy.files.path("filter.wasm.new"));
  const first = await proxy.after(() => proxy.files.rename("filter.wasm.new", "filter.wasm"));
  expect(first.at(-1)).toContain("swapped in");
  const greeting = async () => {
    const { headers, body } = await request(proxy.url());
    await body.dump();
    return headers["x-greeting"];
  };
  expect(await greeting()).toBe("hello");
  copyFileSync(built("greeting-as"), proxy.files.path("filter.wasm.new"));
  const second = await proxy.after(() => proxy.files.rename("filter.wasm.new", "filter.wasm"));
  expect(second.at(-1)).toContain("swapped in");
  expect(await greeting()).toBe("hello");
  const broken = await proxy.after(() => proxy.files.write("filter.wasm", "no component"));
  expect(broken.at(-1)).toContain("not applied");
  expect(await greeting()).toBe("hello");
});
