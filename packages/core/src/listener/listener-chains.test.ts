// The life of listener filters: they are made with their listener, refused with it, and end with the last connection that they saw.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ListenerFilter } from "@sluice/sdk";
import { expect, test } from "vitest";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  MINE,
  listenerFilter,
  listenerModel,
  mine,
  networkFilter,
  networkRegistry,
  startFiltered as start,
} from "../../../../test/support/listeners.ts";
import { RawPeer } from "../../../../test/support/raw-peer.ts";
import { testServices } from "../../../../test/support/services.ts";
import type { ListenerChains } from "./listener-chains.ts";
import { prepareListener } from "./prepare-listener.ts";

test("a new configuration takes new connections; old filters end with their last connection", async () => {
  const events: string[] = [];
  const named = (name: string): ListenerFilter => ({
    onAccept: () => void events.push(`${name} accept`),
    onClose: () => void events.push(`${name} close`),
    dispose: () => void events.push(`${name} dispose`),
  });
  const services = testServices();
  await using listener = await start(named("old"), {}, services);
  const before = await RawPeer.open(listener.port);
  await before.send("x").through("x");
  const registry = networkRegistry([mine(named("new"))]);
  listener.listener.use(await prepareListener(listenerModel({ listenerFilters: [MINE] }), registry, services));
  const after = await RawPeer.open(listener.port);
  await after.send("y").through("y");
  before.close();
  await eventually("old is disposed of", () => events.includes("old dispose"));
  expect(events).toEqual(["old accept", "new accept", "old close", "old dispose"]);
  after.close();
});

test("filters that wait for the end of a connection outlive its move to a new chain", async () => {
  const events: string[] = [];
  const named = (name: string): ListenerFilter => ({
    onClose: () => void events.push(`${name} close`),
    dispose: () => void events.push(`${name} dispose`),
  });
  const services = testServices();
  const prepare = async (name: string): Promise<ListenerChains> => {
    const registry = networkRegistry([mine(named(name))]);
    const chains = await prepareListener(listenerModel({ listenerFilters: [MINE] }), registry, services);
    // As a connection manager does that has no stream open.
    const moveTo = (_terminal: unknown, onMoved: () => void): void => onMoved();
    chains.chain.accept = () => ({ drain() {}, closeIfIdle() {}, moveTo });
    return Object.assign(chains, { chain: Object.assign(chains.chain, { terminal: { retire() {} } }) });
  };
  await using listener = await start({}, {}, services);
  listener.listener.use(await prepare("old"));
  const peer = await RawPeer.open(listener.port);
  await eventually("accepted", () => listener.listener.connections === 1);
  listener.listener.use(await prepare("new"), true);
  await nextTurn();
  expect(events).toEqual([]);
  peer.reset();
  await eventually("old is disposed of", () => events.includes("old dispose"));
  expect(events).toEqual(["old close", "old dispose"]);
});

test.each([
  ["an unknown extension", listenerFilter("test.unknown"), 'no extension "test.unknown" is loaded'],
  ["a filter of another kind", listenerFilter("envoy.filters.network.echo"), "no extension"],
  ["a refused configuration", listenerFilter("envoy.filters.listener.proxy_protocol", { rules: 1 }), "expected a list"],
  ["a misspelt hook", MINE, 'unknown hook "onPeak"; did you mean "onPeek"?'],
])("%s stops the configuration, with the filter's name", async (_title, filter, message) => {
  const registry = networkRegistry([mine({ onPeak() {} } as never)]);
  const model = listenerModel({ listenerFilters: [filter] });
  await expect(prepareListener(model, registry, testServices())).rejects.toMatchObject({
    message: expect.stringMatching(`listener filter "${filter.name}"`),
    place: { position: "test:1:1" },
  });
  await expect(prepareListener(model, registry, testServices())).rejects.toThrow(message);
});

test("where the chain refuses, its listener filters are disposed of", async () => {
  const events: string[] = [];
  const registry = networkRegistry([mine({ dispose: () => void events.push("dispose") })]);
  const model = listenerModel({ listenerFilters: [MINE], filters: [networkFilter("test.unknown")] });
  await expect(prepareListener(model, registry, testServices())).rejects.toThrow("test.unknown");
  expect(events).toEqual(["dispose"]);
});

test("a connection that listener filters have when its chain is replaced is told to drain when it is one", async () => {
  const gate = Promise.withResolvers<undefined>();
  const services = testServices();
  await using listener = await start({ onAccept: () => gate.promise }, {}, services);
  const told: string[] = [];
  const chains = await prepareListener(
    listenerModel({ listenerFilters: [MINE] }),
    networkRegistry([mine({ onAccept: () => gate.promise })]),
    services,
  );
  chains.chain.accept = () => ({ drain: () => void told.push("drain"), closeIfIdle() {} });
  listener.listener.use(chains);
  const peer = await RawPeer.open(listener.port);
  await eventually("accepted", () => listener.listener.connections === 1);
  listener.listener.use(await prepareListener(listenerModel(), networkRegistry([]), services));
  expect(told).toEqual([]);
  gate.resolve(undefined);
  await eventually("it is told", () => told.length === 1);
  peer.close();
});
