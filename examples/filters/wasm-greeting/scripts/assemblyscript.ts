/** Compiles AssemblyScript to a core module whose exports have the names that wit-component looks for. The sources end in `.as`, since TypeScript's compiler does not understand them. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import asc from "assemblyscript/asc";
import binaryen from "assemblyscript/binaryen";

const face = (name: string, hook: string): string => `sluice:filter/${name}@0.1.0#${hook}`;

/** Export in AssemblyScript → its name in the component. */
const NAMES: Readonly<Record<string, string>> = {
  __configure: face("lifecycle", "configure"),
  __onRequestHeaders: face("request-headers", "on-request-headers"),
  __onRequestData: face("request-data", "on-request-data"),
  __onResponseHeaders: face("response-headers", "on-response-headers"),
  __onDestroy: face("stream-end", "on-destroy"),
  __cabi_realloc: "cabi_realloc",
};
/** What these return is freed when it has been read. */
const ANSWERING = ["__configure", "__onRequestHeaders", "__onRequestData", "__onResponseHeaders"];
const FREE = "__free";

export async function buildAssemblyScript(source: string): Promise<Uint8Array> {
  const directory = dirname(source);
  const name = basename(source, ".as");
  let core: Uint8Array | undefined;
  let said = "";
  const { error } = await asc.main(
    [name, "--outFile", "out.wasm", "--optimize", "--noAssert", "--use", `abort=${name}/abort`],
    {
      readFile: async (file) =>
        file === "asconfig.json"
          ? null
          : readFile(join(directory, file.replace(/\.ts$/, ".as")), "utf8").catch(() => null),
      writeFile: (_file, contents) => {
        core = contents as Uint8Array;
      },
      listFiles: () => null,
      stderr: {
        write: (text) => {
          said += String(text);
        },
      },
    },
  );
  if (error !== null || core === undefined) throw new Error(`${said}${error?.message ?? "nothing was written"}`);
  return renamed(core);
}

function renamed(core: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(core);
  try {
    const internal = (name: string): string => binaryen.getExportInfo(module.getExport(name)).value;
    for (const name of ANSWERING) module.addFunctionExport(internal(FREE), `cabi_post_${NAMES[name]!}`);
    for (const [name, external] of Object.entries(NAMES)) {
      module.addFunctionExport(internal(name), external);
      module.removeExport(name);
    }
    for (const name of [FREE, "abort"]) module.removeExport(name);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
