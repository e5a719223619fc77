/** Components for tests: the probe in C, built once and checked in, and components that a test writes as WebAssembly text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { component } from "../../../examples/filters/wasm-greeting/scripts/component.ts";

export const PROBE: string = join(import.meta.dirname, "../fixtures/probe.wasm");
export const GREETING_C: string = join(
  import.meta.dirname,
  "../../../examples/filters/wasm-greeting/wasm/greeting-c.wasm",
);
export const GREETING_AS: string = join(
  import.meta.dirname,
  "../../../examples/filters/wasm-greeting/wasm/greeting-as.wasm",
);

export const probe = (): Buffer => readFileSync(PROBE);

export const PROBE_WORLD = `
  import host;
  import this-stream;
  import calls;
  import timers;
  export lifecycle;
  export request-headers;
  export request-data;
  export request-trailers;
  export informational;
  export response-headers;
  export response-data;
  export local-reply;
  export call-response;
  export timer;
  export stream-complete;
  export stream-end;
`;

export const PROBE_DESCRIPTION = {
  id: "test.http.probe",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object", properties: { mode: { type: "string" } }, additionalProperties: false },
  reads: ["info.remote", "metadata.acme.probe", "requestHeaders"],
  calls: true,
} as const;

export const DESCRIPTION = {
  id: "test.http.small",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
} as const;

export interface Wat {
  /** Fields of the module: imports and functions, in WebAssembly text. Memory below 1024 is the test's own, and zero. */
  readonly code?: string;
  /** Lines of the world beside `export lifecycle`. */
  readonly world?: string;
  /** WIT of other packages. */
  readonly packages?: string;
  readonly imports?: string;
  readonly memory?: string;
  readonly description?: object;
}

/** The function of a hook with four numbers, for `code`. */
export const requestHeaders = (body: string): string =>
  `(func (export "sluice:filter/request-headers@0.1.0#on-request-headers") (param $stream i32) (param $at i32) (param $count i32) (param $end i32) (result i32) ${body})`;

export async function watComponent({
  code = requestHeaders("(i32.const 64)"),
  world = "export request-headers;",
  packages = "",
  imports = "",
  memory = "1",
  description = DESCRIPTION,
}: Wat): Promise<Uint8Array> {
  const core = await parse(`(module
    ${imports}
    (memory (export "memory") ${memory})
    (global $top (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "cabi_post_sluice:filter/request-headers@0.1.0#on-request-headers") (param i32) (global.set $top (i32.const 1024)))
    (func (export "sluice:filter/lifecycle@0.1.0#configure") (param i32 i32) (result i32) (i32.const 64))
    ${code})`);
  return component(core, `export lifecycle;\n${world}`, description, packages);
}
