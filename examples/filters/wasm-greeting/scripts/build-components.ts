/** Builds wasm/greeting-c.wasm (needs clang with a WebAssembly target, and wasm-ld) and wasm/greeting-as.wasm (needs npm alone), or both in the directory that is its argument. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildAssemblyScript } from "./assemblyscript.ts";
import { buildC } from "./clang.ts";
import { component } from "./component.ts";

const root = join(import.meta.dirname, "..");
const description = JSON.parse(readFileSync(join(root, "greeting.json"), "utf8")) as object;
const world = `
  import host;
  import this-stream;
  export lifecycle;
  export request-headers;
  export request-data;
  export response-headers;
  export stream-end;
`;

const cores = {
  c: buildC(join(root, "c/greeting.c")),
  as: await buildAssemblyScript(join(root, "assemblyscript/greeting.as")),
};
const out = resolve(process.argv[2] ?? join(root, "wasm"));
mkdirSync(out, { recursive: true });
for (const [language, core] of Object.entries(cores)) {
  writeFileSync(join(out, `greeting-${language}.wasm`), await component(core, world, description));
}
