/**
 * The component runtime: one instance, called synchronously. A trap poisons the instance, and takes the state of every stream with it: each fails
 * once, since a filter must not be left out in silence, and goes without the filter from then on.
 */
import { readFileSync } from "node:fs";
import { Continue, reply } from "@sluice/sdk";
import type { Edit } from "./edits.ts";
import type { FilterPort, HookCall, HookOutcome, RemoteHook } from "./remote-filter.ts";

const GENERATED = new URL("./component/generated/", import.meta.url);
const VERDICTS = ["continue", "stop", "stop-and-buffer", "stop-and-watermark"] as const;
const NO_EDITS: readonly Edit[] = [];
const PASS: HookOutcome = { verdict: Continue, reply: null, data: null, edits: NO_EDITS };
/** In place of an instance, for a stream whose loss was told. */
const NONE = -1;

export interface Outcome {
  readonly verdict: (typeof VERDICTS)[number];
  readonly edits: ReadonlyArray<{ readonly kind: Edit[0]; readonly name: string; readonly value: string }>;
  readonly reply?: {
    readonly status: number;
    readonly headers: readonly string[];
    readonly body: Uint8Array;
    readonly details: string;
  };
}

export interface DataOutcome {
  readonly verdict: (typeof VERDICTS)[number];
  readonly data?: Uint8Array;
}

export type Fields = readonly string[];
export type Reads = readonly (string | undefined)[];

/** The exports of the world `greeting`. A component has only the hooks that it exports. */
export interface Instance {
  readonly lifecycle: { configure(config: string): readonly string[]; destroy(stream: number): void };
  readonly requestHeaders?: { onRequestHeaders(stream: number, headers: Fields, end: boolean, reads: Reads): Outcome };
  readonly requestData?: { onRequestData(stream: number, data: Uint8Array, end: boolean, reads: Reads): DataOutcome };
  readonly requestTrailers?: { onRequestTrailers(stream: number, trailers: Fields, reads: Reads): Outcome };
  readonly responseHeaders?: {
    onResponseHeaders(stream: number, headers: Fields, end: boolean, reads: Reads): Outcome;
  };
}

/** A compiled module; the compiler's libraries for Node do not name WebAssembly. */
type CoreModule = object;
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => CoreModule };

export type Instantiate = (
  getCoreModule: (path: string) => CoreModule,
  imports: { readonly "sluice:filter/host": { increment(counter: number, amount: number): void } },
) => Instance;

const { instantiate: instantiateByJco } = (await import(new URL("greeting.js", GENERATED).href)) as {
  instantiate: Instantiate;
};
const core = new WebAssembly.Module(readFileSync(new URL("greeting.core.wasm", GENERATED)));

export class ComponentPort implements FilterPort {
  readonly hooks: readonly RemoteHook[];
  readonly #instantiate: Instantiate;
  readonly #config: string;
  readonly #counts: number[] = [];
  #names: readonly string[] = [];
  #instance: Instance;
  #instances = 0;
  /** The instance that has a stream's state, by its number. */
  readonly #home = new Map<number, number>();

  constructor(
    config: { readonly header: string; readonly value: string },
    instantiate: Instantiate = instantiateByJco,
  ) {
    this.#instantiate = instantiate;
    this.#config = JSON.stringify(config);
    this.#instance = this.#make();
    const { requestHeaders, requestData, requestTrailers, responseHeaders } = this.#instance;
    const hooks: RemoteHook[] = [];
    if (requestHeaders !== undefined) hooks.push("onRequestHeaders");
    if (requestData !== undefined) hooks.push("onRequestData");
    if (requestTrailers !== undefined) hooks.push("onRequestTrailers");
    if (responseHeaders !== undefined) hooks.push("onResponseHeaders");
    this.hooks = hooks;
  }

  async call(call: HookCall): Promise<HookOutcome> {
    const home = this.#home.get(call.stream) ?? this.#instances;
    if (home === NONE) return PASS;
    this.#home.set(call.stream, NONE);
    if (home !== this.#instances) throw new Error("the instance that had this stream is gone");
    let outcome: HookOutcome;
    try {
      outcome = this.#run(call);
    } catch (error) {
      this.#instance = this.#make();
      throw error;
    }
    this.#home.set(call.stream, home);
    return outcome;
  }

  destroy(stream: number): void {
    if (this.#home.get(stream) === this.#instances) this.#instance.lifecycle.destroy(stream);
    this.#home.delete(stream);
  }

  counted(name: string): number {
    return this.#counts[this.#names.indexOf(name)] ?? 0;
  }

  #make(): Instance {
    this.#instances++;
    const increment = (counter: number, amount: number): void => {
      this.#counts[counter] = (this.#counts[counter] ?? 0) + amount;
    };
    const instance = this.#instantiate(() => core, { "sluice:filter/host": { increment } });
    this.#names = instance.lifecycle.configure(this.#config);
    return instance;
  }

  #run({ hook, stream, fields, data, end, reads }: HookCall): HookOutcome {
    const { requestHeaders, requestData, requestTrailers, responseHeaders } = this.#instance;
    switch (hook) {
      case "onRequestHeaders":
        return outcomeOf(requestHeaders!.onRequestHeaders(stream, fields!, end, reads));
      case "onRequestData": {
        const outcome = requestData!.onRequestData(stream, data!, end, reads);
        return { verdict: VERDICTS.indexOf(outcome.verdict), reply: null, data: outcome.data ?? null, edits: NO_EDITS };
      }
      case "onRequestTrailers":
        return outcomeOf(requestTrailers!.onRequestTrailers(stream, fields!, reads));
      case "onResponseHeaders":
        return outcomeOf(responseHeaders!.onResponseHeaders(stream, fields!, end, reads));
    }
  }
}

function outcomeOf(outcome: Outcome): HookOutcome {
  const edits = outcome.edits.map(({ kind, name, value }): Edit => [kind, name, value]);
  const verdict = VERDICTS.indexOf(outcome.verdict);
  if (outcome.reply === undefined) return { verdict, reply: null, data: null, edits };
  const { status, headers, body, details } = outcome.reply;
  const byName: Record<string, string[]> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) (byName[headers[i]!] ??= []).push(headers[i + 1]!);
  // Bytes have no content type of their own, where a string has: the near side cannot tell them apart.
  return {
    verdict,
    reply: reply({ status, headers: byName, body: new TextDecoder().decode(body), details }),
    data: null,
    edits,
  };
}
