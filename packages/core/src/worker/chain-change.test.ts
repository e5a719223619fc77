// Which changes of a listener its connections may live through.
import { expect, test } from "vitest";
import type { HcmModel, ListenerModel, NetworkFilterModel } from "../config/model.ts";
import { defaultHcm } from "../testing/default-models.ts";
import { canMoveConnections } from "./chain-change.ts";

const place = { path: "", position: "a.yaml:1:1" };

function listener(hcm: Partial<HcmModel> = {}, change: Partial<ListenerModel> = {}): ListenerModel {
  const filters: NetworkFilterModel[] = [
    { kind: "http_connection_manager", name: "hcm", hcm: { ...defaultHcm, ...hcm }, place },
  ];
  return {
    name: "front",
    address: { kind: "ip", host: "127.0.0.1", port: 0 },
    statPrefix: "front",
    bufferLimitBytes: 1024,
    backlog: 128,
    reusePort: true,
    filterChain: { name: "", tls: null, handshakeTimeoutMs: 0, filters },
    place,
    ...change,
  };
}

const network: NetworkFilterModel = {
  kind: "extension",
  name: "pass",
  id: "acme.network.pass",
  config: {},
  statPrefix: "",
  accessLogs: [],
  place,
};

test.each([
  ["nothing", listener(), true],
  ["its place in the file", listener({}, { place: { path: "x", position: "a.yaml:9:1" } }), true],
  ["HTTP filters", listener({ filters: [{ ...network, disabled: false, onError: "fail" }] }), true],
  ["routes", listener({ routeConfig: { ...defaultHcm.routeConfig, name: "other" } }), true],
  ["limits of the codec", listener({ maxHeadersCount: 7 }), false],
  ["time-outs", listener({ idleTimeoutMs: 7 }), false],
  ["the buffer limit", listener({}, { bufferLimitBytes: 7 }), false],
  ["the handshake", listener({}, { filterChain: { ...listener().filterChain, handshakeTimeoutMs: 7 } }), false],
])("%s", (_what, changed, isMovable) => {
  expect(canMoveConnections(listener(), changed)).toBe(isMovable);
});

test("not where network filters have seen the connection's bytes", () => {
  const { filterChain } = listener();
  const behind = listener({}, { filterChain: { ...filterChain, filters: [network, ...filterChain.filters] } });
  expect(canMoveConnections(behind, behind)).toBe(false);
});
