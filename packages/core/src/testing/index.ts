/** `@sluice/core/testing`: drive filters without sockets, through the real engine. A devDependency of filter packages. */
// Hooks without a definition, for tests of the engine itself; whoever tests a filter takes `httpHarness`.
export {
  HarnessStream,
  HttpHarness,
  ScriptedTerminal,
  SentResponse,
  type HarnessFilter,
  type HarnessOptions,
} from "./http-harness.ts";
export { VirtualTime, type VirtualTimeOptions } from "../timing/virtual.ts";
export {
  type HttpChainInput,
  type HttpHarnessOptions,
  HttpFilterHarness,
  httpHarness,
  TestConnection,
} from "./http-filter-harness.ts";
export type { FilterHarness } from "./filter-harness.ts";
export type { HttpExchange } from "./exchange.ts";
export type { TestResponse } from "./client-end.ts";
export type { UpstreamEnd } from "./upstream-end.ts";
export type { LogEntry } from "./kit-services.ts";
export type { HistogramValue } from "./kit-stats.ts";
export type {
  BytesInput,
  HeadersInput,
  ReceivedRequest,
  RequestHead,
  Respond,
  TestRequest,
  UpstreamAnswer,
} from "./messages.ts";
export type {
  AnyDefinition,
  CommonOptions,
  FilterSetup,
  HttpFilterSetup,
  RouteLevel,
  RouteLevels,
  TestClient,
  TestRoute,
} from "./setup.ts";
export { type ClusterFailure, FakeCluster, type FakeClusterOptions, fakeCluster } from "./fake-cluster.ts";
export type { FakeConnection } from "./fake-connection.ts";
export type { FakeGrpcCall, GrpcHandler } from "./fake-grpc.ts";
export type { FakeStream } from "./fake-stream.ts";
export {
  type NetworkChainInput,
  NetworkFilterHarness,
  type NetworkHarnessOptions,
  networkHarness,
} from "./network-filter-harness.ts";
export type { NetworkClient } from "./network-client.ts";
export type { NetworkUpstream } from "./network-upstream.ts";
export { type ConformanceCheck, ConformanceError } from "./conformance/check.ts";
export { httpFilterConformance } from "./conformance/http.ts";
export type { HttpConformanceOptions } from "./conformance/scenario.ts";
export { networkFilterConformance } from "./conformance/network.ts";
export type { Conversation, NetworkConformanceOptions } from "./conformance/network-play.ts";
export {
  type ComponentDefinition,
  type ComponentDefinitionOptions,
  componentDefinition,
} from "../isolate/wasm/component-definition.ts";
export {
  type Replayed,
  type ReplayOptions,
  replay,
  type TapFixture,
  type TapFrame,
  type TapStream,
} from "./replay.ts";
export {
  type ListenerChainInput,
  ListenerFilterHarness,
  type ListenerHarnessOptions,
  listenerHarness,
} from "./listener-filter-harness.ts";
export type { ListenerClient } from "./listener-client.ts";
