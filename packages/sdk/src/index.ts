/** The contract of Sluice filters. No dependencies, no state, no identity. */
export * from "./verdict.ts";
export type * from "./headers.ts";
export * from "./schema.ts";
export type * from "./stats.ts";
export * from "./stream-info.ts";
export * from "./errors.ts";
export * from "./metadata.ts";
export type * from "./upstream.ts";
export * from "./request.ts";
export * from "./grpc.ts";
export * from "./grpc-words.ts";
export type * from "./shared-state.ts";
export type * from "./runtime.ts";
export type * from "./rate-limit.ts";
export type * from "./route.ts";
export * from "./retry.ts";
export type * from "./context.ts";
export * from "./http-filter.ts";
export * from "./network-filter.ts";
export * from "./listener-filter.ts";
export * from "./discovery.ts";
export * from "./portable.ts";
export {
  DEFINITION,
  MATURITIES,
  PHASES,
  SECURITY_POSTURES,
  definitionProblems,
  type DefinitionBase,
  type DefinitionKind,
  type Marked,
  type Phase,
} from "./definition.ts";
export { SDK_VERSION } from "./version.ts";
