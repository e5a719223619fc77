/**
 * re2js by need: few configurations hold a regular expression, and loading it costs every thread 8 ms and 2.5 MB. Synchronous, because
 * patterns are compiled where nothing may wait.
 */
import { createRequire } from "node:module";

type Re2Module = typeof import("re2js");

let loaded: Re2Module | null = null;

export function re2(): Re2Module {
  loaded ??= createRequire(import.meta.url)("re2js") as Re2Module;
  return loaded;
}
