/**
 * Keeps V8 from making wrappers of its own for functions that WebAssembly imports, once they have been called a thousand times. Those wrappers are shared by all
 * threads of the process, and freeing those of a thread that has ended while another makes some aborts the process (seen with V8 13.6, Node 24.21:
 * `ThreadIsolation::UnregisterWasmAllocation`, under `WasmImportWrapperCache::Free`). The generic wrapper that stays instead is as fast for what is called here.
 * Not only components are WebAssembly: Node strips types by it, in every thread that imports TypeScript.
 */
import { setFlagsFromString } from "node:v8";

/** Calls until V8 would make one; no thread comes there. Below what a small integer of V8 holds. */
const NEVER = 1_000_000_000;
let isSet = false;

/** For the whole process, before threads begin that may run WebAssembly and end. A second call does nothing. */
export function keepGenericWasmWrappers(): void {
  if (isSet) return;
  isSet = true;
  setFlagsFromString(`--wasm-wrapper-tiering-budget=${NEVER}`);
}
