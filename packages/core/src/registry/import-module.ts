/** Imports a module of any kind that may bring filters: JavaScript, TypeScript, or a WebAssembly component. */

export async function importModule(url: string): Promise<unknown> {
  if (!new URL(url).pathname.endsWith(".wasm")) return import(url);
  // Loaded by the first component: nobody else needs it.
  const { importComponent } = await import("../isolate/wasm/component-definition.ts");
  return importComponent(url);
}
