/** From a core module to a component: the WIT of the world is embedded, the component is made, and the description goes into its custom section `sluice:filter`. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";

/** Where the sdk has filter.wit and sluice-filter.h. */
export const wit = join(dirname(createRequire(import.meta.url).resolve("@sluice/sdk/package.json")), "wit");

/** `world`: its imports and exports in WIT, as in filter.wit; `packages`: other packages that it names. */
export async function component(
  core: Uint8Array,
  world: string,
  description: object,
  packages = "",
): Promise<Uint8Array> {
  const witSource = `${readFileSync(join(wit, "filter.wit"), "utf8")}\nworld part {\n${world}\n}\n${packages}`;
  const embedded = await componentEmbed({ binary: core, witSource, world: "part", stringEncoding: "utf8" });
  const made = await componentNew(embedded, []);
  return Buffer.concat([made, customSection("sluice:filter", JSON.stringify(description))]);
}

/** Id 0, size, length of the name, name, text. */
function customSection(name: string, text: string): Uint8Array {
  const content = Buffer.concat([leb128(name.length), Buffer.from(name), Buffer.from(text)]);
  return Buffer.concat([Buffer.of(0), leb128(content.length), content]);
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return Buffer.from([...bytes, left]);
}
