/** Builds greeting.wasm beside this file, or in the directory that is its argument: needs clang with a WebAssembly target, and wasm-ld. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildC } from "../../../../examples/filters/wasm-greeting/scripts/clang.ts";
import { component } from "../../../../examples/filters/wasm-greeting/scripts/component.ts";

const world = `
  import host;
  import this-stream;
  export lifecycle;
  export request-headers;
  export request-data;
  export request-trailers;
  export response-headers;
  export stream-end;
`;
const description = {
  id: "test.http.greeting",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: { type: "object", required: ["header", "value"] },
  routeConfig: { type: "object" },
};

const out = join(resolve(process.argv[2] ?? import.meta.dirname), "greeting.wasm");
writeFileSync(out, await component(buildC(join(import.meta.dirname, "greeting.c")), world, description));
