/** `@sluice/core/testing`: drive filters without sockets, through the real engine. A devDependency of filter packages. */
export {
  HarnessStream,
  HttpHarness,
  ScriptedTerminal,
  SentResponse,
  type HarnessFilter,
  type HarnessOptions,
} from "./http-harness.ts";
export { VirtualTime, type VirtualTimeOptions } from "../timing/virtual.ts";
