/** The part of the WebAssembly JavaScript interface that is used here, since the compiler's libraries for Node do not name it. */

/** A compiled module; it can be posted to other threads. */
export type CoreModule = object & { readonly __coreModule?: never };
export type CoreFunction = (...values: number[]) => number;
export interface CoreMemory {
  readonly buffer: ArrayBuffer;
}
export type CoreExports = Readonly<Record<string, unknown>>;

export interface ExternalName {
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global" | "tag";
}

interface WebAssemblyInterface {
  readonly Module: {
    new (bytes: Uint8Array): CoreModule;
    imports(module: CoreModule): ReadonlyArray<ExternalName & { readonly module: string }>;
    exports(module: CoreModule): readonly ExternalName[];
  };
  readonly Instance: new (module: CoreModule, imports: object) => { readonly exports: CoreExports };
  readonly compile: (bytes: Uint8Array) => Promise<CoreModule>;
}

export const { Module, Instance, compile } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface })
  .WebAssembly;
