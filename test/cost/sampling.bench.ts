/**
 * What measuring filters costs those who are measured: `node --conditions=sluice-source test/cost/sampling.bench.ts`. One process, the chain engine without sockets
 * and codecs, three filters with two hooks each; off, one stream in 128 and all streams in turns. A script, not a test: a shared machine is too noisy to fail a build on it.
 */
import { performance } from "node:perf_hooks";
import type { HttpFilter, RequestHeaders, TerminalStream } from "@sluice/sdk";
import { type AnyHttpFilter, FilterSlot, HttpFilterChain } from "../../packages/core/src/http/chain/filter-chain.ts";
import type { ResponseEncoder } from "../../packages/core/src/http/codec/codec.ts";
import { HeaderField } from "../../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { ConnectionManager } from "../../packages/core/src/http/manager/connection-manager.ts";
import { hcmSettings } from "../../packages/core/src/http/manager/settings.ts";
import { FlushQueue } from "../../packages/core/src/network/flush-queue.ts";
import { ScriptedConnection } from "../../packages/core/src/network/scripted-connection.ts";
import { StatsStore } from "../../packages/core/src/stats/stats-store.ts";
import { defaultHcm } from "../../packages/core/src/testing/default-models.ts";
import { RealClock } from "../../packages/core/src/timing/real-clock.ts";
import { TimerWheel } from "../../packages/core/src/timing/timer-wheel.ts";
import { systemRandom } from "../../packages/core/src/worker/random.ts";

const FIELDS = [new HeaderField("accept", "*/*"), new HeaderField("user-agent", "bench")];
const BODY = new Uint8Array(70);
const nothing = (): void => {};
const ENCODER: ResponseEncoder = {
  protocol: "HTTP/1.1",
  aboveWatermark: false,
  sendInformational: nothing,
  sendHeaders: nothing,
  sendData: nothing,
  sendTrailers: nothing,
  reset: nothing,
  pauseRequest: nothing,
  resumeRequest: nothing,
  closeAfterResponse: nothing,
};

/** Sends one request through a manager of its own. */
function play(sampleEvery: number): () => void {
  const clock = new RealClock();
  const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const terminal: HttpFilter<unknown, unknown, TerminalStream> = {
    onRequestHeaders(_headers: RequestHeaders, _end: boolean, stream: TerminalStream) {
      stream.sendHeaders(new ResponseHeaderMap(200, [FIELDS[0]!]), false);
      stream.sendData(BODY, true);
    },
  };
  const empty = (): AnyHttpFilter => ({ onRequestHeaders() {}, onResponseHeaders() {} });
  const slots = [empty(), empty(), empty(), terminal].map((filter, slot) => {
    const isLast = slot === 3;
    const errors = stats.counter(`errors${slot}`);
    const common = { newState: null, disabled: false, readOnlyHeaders: false, continueOnError: false, heartbeatId: 0 };
    return new FilterSlot({ ...common, slot, name: `f${slot}`, id: `f${slot}`, filter, terminal: isLast, errors });
  });
  const manager = new ConnectionManager({
    settings: hcmSettings(
      {
        ...defaultHcm,
        // No timer is left behind.
        idleTimeoutMs: 0,
        streamIdleTimeoutMs: 0,
        observe: { sampleEvery, debugTrace: null },
      },
      1 << 20,
    ),
    services: {
      clock,
      timers: new TimerWheel(clock),
      random: systemRandom,
      stats,
      log: { enabled: () => false, write() {} },
      flushQueue: new FlushQueue(clock),
      heartbeat: { register: () => 0, enter() {} },
    },
    chain: new HttpFilterChain(slots),
    routes: { usesDisabled: false, match: () => null },
    accessLoggers: null,
    onRetired: nothing,
  });
  const server = manager.onConnection(new ScriptedConnection());
  return () => {
    server.onStream(ENCODER).onRequestHeaders(new RequestHeaderMap("GET", "/", "x", "http", FIELDS.slice()), true);
  };
}

const WAYS = [
  { title: "off", one: play(0), ns: [] as number[] },
  { title: "1/128", one: play(128), ns: [] as number[] },
  { title: "1", one: play(1), ns: [] as number[] },
];
const REQUESTS = 12_800;
for (let round = 0; round < 8; round++) for (const { one } of WAYS) for (let i = 0; i < 5000; i++) one();
for (let sample = 0; sample < 60; sample++) {
  for (const way of sample % 2 === 0 ? WAYS : WAYS.toReversed()) {
    const start = performance.now();
    for (let i = 0; i < REQUESTS; i++) way.one();
    way.ns.push(((performance.now() - start) * 1e6) / REQUESTS);
  }
}
const sorted = WAYS.map(({ ns }) => ns.sort((a, b) => a - b));
for (const [i, { title }] of WAYS.entries()) {
  const [least, median] = [sorted[i]![0]!, sorted[i]![30]!];
  const more = least - sorted[0]![0]!;
  process.stdout.write(
    `${title.padEnd(6)} ${least.toFixed(0)} ns per request (median ${median.toFixed(0)}), ${more.toFixed(0)} more than off\n`,
  );
}
