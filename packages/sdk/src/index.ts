/** The contract of Sluice filters. No dependencies, no state, no identity. */
export * from "./verdict.ts";
export type * from "./headers.ts";
export * from "./schema.ts";
export type * from "./stats.ts";
export * from "./stream-info.ts";
export * from "./errors.ts";
export type * from "./upstream.ts";
export type * from "./route.ts";
export type * from "./context.ts";
export * from "./http-filter.ts";
export * from "./network-filter.ts";
export { DEFINITION, type DefinitionBase, type DefinitionKind, type Marked } from "./definition.ts";
export { SDK_VERSION } from "./version.ts";
