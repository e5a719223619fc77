/**
 * Makes the engine's call sites what they are in a proxy that runs several filters: called with hooks of many shapes. Without it the first chain of a
 * process is compiled for its own filters alone, and is faster than any that comes after.
 */
import { type HttpFilter, type NetworkFilter, defineHttpFilter, defineNetworkFilter, parsedBy } from "@sluice/sdk";
import type { AnyHttpFilterDefinition, AnyNetworkFilterDefinition } from "../registry/registry.ts";
import { benchServices } from "./bench-services.ts";
import { httpDriver } from "./http-driver.ts";
import { networkDriver } from "./network-driver.ts";
import type { SubjectFilter, Traffic } from "./types.ts";

const REQUESTS = 6000;
const base = { maturity: "stable", security: "unknown", config: parsedBy(() => null) } as const;

const HTTP_SHAPES: ReadonlyArray<() => HttpFilter> = [
  () => ({ onRequestHeaders() {} }),
  () => ({ onRequestHeaders() {}, onResponseHeaders() {} }),
  () => ({ onResponseHeaders() {}, onRequestHeaders() {}, onStreamComplete() {} }),
  () => ({ onRequestHeaders() {}, onRequestData() {}, onRequestTrailers() {} }),
  () => ({ onResponseHeaders() {}, onResponseData() {}, onResponseTrailers() {} }),
  () => ({ onRequestData() {}, onResponseData() {}, onDestroy() {} }),
  () => ({ onStreamComplete() {}, onDestroy() {}, onRequestHeaders() {} }),
];

const NETWORK_SHAPES: ReadonlyArray<() => NetworkFilter> = [
  () => ({ onData() {} }),
  () => ({ onNewConnection() {}, onData() {} }),
  () => ({ onWrite() {}, onData() {}, onClose() {} }),
  () => ({ onNewConnection() {}, onWrite() {} }),
  () => ({ onData() {}, onWrite() {}, onNewConnection() {} }),
  () => ({ onClose() {}, onNewConnection() {}, onData() {} }),
];

export async function pollute(traffic: Traffic): Promise<void> {
  const ids = (shapes: readonly unknown[]): string[] => shapes.map((_, i) => `sluice.bench.shape${i}`);
  const filters = (shapes: readonly unknown[]): SubjectFilter[] =>
    ids(shapes).map((id) => ({ name: id, id, config: null, disabled: false, onError: "fail" }));
  const driver =
    traffic.kind === "http"
      ? await httpDriver({
          services: benchServices(),
          traffic,
          routes: null,
          filters: filters(HTTP_SHAPES),
          definitions: HTTP_SHAPES.map((create, i) =>
            defineHttpFilter({ ...base, id: ids(HTTP_SHAPES)[i]!, create }),
          ) as unknown as AnyHttpFilterDefinition[],
        })
      : await networkDriver({
          services: benchServices(),
          traffic,
          filters: filters(NETWORK_SHAPES),
          definitions: NETWORK_SHAPES.map((create, i) =>
            defineNetworkFilter({ ...base, id: ids(NETWORK_SHAPES)[i]!, create }),
          ) as unknown as AnyNetworkFilterDefinition[],
        });
  for (let done = 0; done < REQUESTS; done += 50) driver.run(50);
  driver.close();
}
