// One call at a time, and the small numbers of streams.
import { expect, test } from "vitest";
import type { ComponentHost } from "./component-host.ts";
import { ComponentStream } from "./component-stream.ts";
import type { Guest } from "./guest.ts";
import { LiveInstance, type Stream } from "./live-instance.ts";

const streamOf = (): Stream => ({ state: new ComponentStream() }) as Stream;

function instance(configure: () => string | null = () => null): LiveInstance {
  const guest = { has: () => false, configure } as unknown as Guest;
  const host = { stream: null, isConfiguring: false } as unknown as ComponentHost;
  return new LiveInstance("test.http.small", "{}", () => guest, host, { counter: () => ({ inc() {} }) } as never);
}

test("a hook that is called while another one runs is refused, and the one that runs goes on", () => {
  const live = instance();
  const stream = streamOf();
  expect(live.enter(stream)).not.toBeNull();
  expect(() => live.enter(streamOf())).toThrow("test.http.small: it was called while it runs");
  live.leave();
  expect(live.enter(stream)).not.toBeNull();
});

test("numbers of streams are used again after their end", () => {
  const live = instance();
  const streams = [streamOf(), streamOf(), streamOf()];
  for (const stream of streams) {
    live.enter(stream);
    live.leave();
  }
  expect(streams.map(({ state }) => state.number)).toEqual([0, 1, 2]);
  live.end(streams[1]!);
  const next = streamOf();
  live.enter(next);
  expect(next.state.number).toBe(1);
});

test("an instance that cannot be made anew fails each new stream, until it can", () => {
  let fails = false;
  const live = instance(() => {
    if (fails) throw new Error("no");
    return null;
  });
  const first = streamOf();
  live.enter(first);
  expect(live.fail(new Error("trap"), first).message).toContain("its instance is discarded: trap");
  fails = true;
  expect(() => live.enter(streamOf())).toThrow("the component failed while it was configured: no");
  fails = false;
  expect(live.enter(streamOf())).not.toBeNull();
  // Told already, in its own hook: it goes without the filter.
  expect(live.enter(first)).toBeNull();
});
