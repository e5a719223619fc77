/** The chain engine under random filters, chunkings, orders of settling, aborts and slow clients: what holds for every run. */
import { type HarnessStream, HttpHarness, ScriptedTerminal } from "@sluice/core/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { PauseAtRandom, Watch } from "./pause-at-random.ts";

const chunks = fc.array(fc.string({ minLength: 0, maxLength: 6, unit: fc.constantFrom("a", "b", "c") }), {
  maxLength: 5,
});
const message = fc.record({ chunks, hasTrailers: fc.boolean() });
const numbers = fc.array(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 40 });

const run = fc.record({
  filters: fc.array(fc.record({ choices: numbers, goesOn: fc.boolean() }), { minLength: 2, maxLength: 5 }),
  request: message,
  response: message,
  steps: fc.array(fc.nat({ max: 999 }), { minLength: 5, maxLength: 40 }),
  abortsAt: fc.oneof({ arbitrary: fc.constant(-1), weight: 4 }, { arbitrary: fc.nat({ max: 40 }), weight: 1 }),
  isRoomy: fc.boolean(),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;
type Message = Run["request"];

/** Every promise has settled, and what was to follow it is done. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Frames of a message, as calls on its source. */
function frames(
  of: Message,
  source: { headers(end: boolean): void; data(chunk: string, end: boolean): void; trailers(): void },
): (() => void)[] {
  const { chunks: list, hasTrailers } = of;
  const calls = [() => source.headers(list.length === 0 && !hasTrailers)];
  for (const [i, chunk] of list.entries()) calls.push(() => source.data(chunk, i === list.length - 1 && !hasTrailers));
  if (hasTrailers) calls.push(() => source.trailers());
  return calls;
}

class Playing {
  readonly watch: Watch;
  readonly terminal = new ScriptedTerminal();
  readonly filters: readonly PauseAtRandom[];
  readonly client: HarnessStream;
  readonly harness: HttpHarness;
  readonly #request: (() => void)[];
  readonly #response: (() => void)[];
  #isResponsePaused = false;
  #isWatching = false;
  #isSlow = false;

  constructor(of: Run, isEvil: boolean) {
    this.watch = new Watch(isEvil);
    this.filters = of.filters.map(
      ({ choices, goesOn }, place) => new PauseAtRandom(this.watch, place, choices, { mayBuffer: of.isRoomy, goesOn }),
    );
    this.harness = new HttpHarness([...this.filters.map((f) => f.filter), this.terminal.filter], {
      bufferLimitBytes: of.isRoomy ? 1000 : 4,
    });
    this.client = this.harness.open();
    const { client, terminal } = this;
    this.#request = frames(of.request, {
      headers: (end) => void client.headers({}, end),
      data: (chunk, end) => void client.data(chunk, end),
      trailers: () => void client.trailers({ "x-end": "request" }),
    });
    this.#response = frames(of.response, {
      headers: (end) => void terminal.respond(200, {}, end),
      data: (chunk, end) => void terminal.data(chunk, end),
      trailers: () => void terminal.sendTrailers({ "x-end": "response" }),
    });
  }

  get isOver(): boolean {
    return this.client.stream.over;
  }

  get isRequestSent(): boolean {
    return this.#request.length === 0;
  }

  get requestText(): string {
    return this.terminal.body;
  }

  /** One thing that can happen now; false: it cannot. */
  step(choice: number): boolean {
    const { owed } = this.watch;
    switch (choice % 4) {
      case 0:
        if (this.isOver || this.client.sent.requestPaused || this.#request.length === 0) return false;
        this.#request.shift()!();
        return true;
      case 1:
        if (owed.length === 0) return false;
        this.#pay(owed.splice((choice >> 2) % owed.length, 1)[0]!);
        return true;
      case 2:
        return this.#respond();
      default:
        if (this.isOver) return false;
        this.toggleClient();
        return true;
    }
  }

  toggleClient(): void {
    this.#isSlow = !this.#isSlow;
    if (this.#isSlow) this.client.clientSlow();
    else this.client.clientFast();
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  #respond(): boolean {
    const { handle } = this.terminal;
    if (handle === null || this.isOver || this.#response.length === 0) return false;
    if (!this.#isWatching) {
      this.#isWatching = true;
      handle.response.watch({
        onAboveHighWatermark: () => (this.#isResponsePaused = true),
        onBelowLowWatermark: () => (this.#isResponsePaused = false),
      });
    }
    if (this.#isResponsePaused) return false;
    this.#response.shift()!();
    return true;
  }

  /** What a filter owes may be refused by the rules (an injection after the end): that is the filter's business. */
  #pay(debt: () => void): void {
    try {
      debt();
    } catch (error) {
      if (!(error instanceof TypeError) || !error.message.startsWith("inject()")) throw error;
    }
  }

  /** Until nothing can happen any more: first the request, that it may arrive whole. */
  async finish(): Promise<void> {
    if (this.isSlow && !this.isOver) this.toggleClient();
    for (let i = 0; i < 500; i++) {
      if (!this.step(0) && !this.step(1) && !this.step(2)) {
        await settled();
        if (!this.step(0) && !this.step(1) && !this.step(2)) return;
      }
    }
    throw new Error("it never comes to an end");
  }
}

async function play(of: Run, isEvil: boolean): Promise<Playing> {
  const playing = new Playing(of, isEvil);
  playing.step(0);
  for (const [i, choice] of of.steps.entries()) {
    if (i === of.abortsAt && !playing.isOver) playing.client.abort();
    playing.step(choice);
    if (choice % 3 === 0) await settled();
  }
  await playing.finish();
  return playing;
}

function expectCleanEnd(playing: Playing): void {
  const { stream, sent } = playing.client;
  expect(playing.watch.broken).toEqual([]);
  expect(stream.requestFlow.holds).toBeNull();
  expect(stream.responseFlow.holds).toBeNull();
  expect(stream.requestFlow.pauses).toBe(0);
  expect(stream.responseFlow.pauses).toBe(0);
  expect(sent.frames.filter((f) => f === "end" || f.startsWith("reset")).length).toBeLessThanOrEqual(1);
  for (const f of playing.filters) {
    expect(f.completed).toBe(1);
    expect(f.destroyed).toBe(1);
  }
}

it("passes every byte once and in order through filters that stop, await and pause at random", async () => {
  await fc.assert(
    fc.asyncProperty(run, async (of) => {
      const playing = await play(of, false);
      const { sent } = playing.client;
      const { terminal } = playing;
      const request = of.request.chunks.join("");
      const response = of.response.chunks.join("");
      expect(playing.isOver).toBe(true);
      expectCleanEnd(playing);
      expect(response.startsWith(sent.body)).toBe(true);
      expect(request.startsWith(terminal.body)).toBe(true);
      if (sent.ended) {
        expect(sent.body).toBe(response);
        expect(sent.trailers).toEqual(of.response.hasTrailers ? { "x-end": "response" } : null);
      } else expect(of.abortsAt).toBeGreaterThanOrEqual(0);
      if (terminal.ended) {
        expect(terminal.body).toBe(request);
        expect(terminal.trailers).toEqual(of.request.hasTrailers ? { "x-end": "request" } : null);
      }
      expect(terminal.frames.filter((f) => f === "end").length).toBeLessThanOrEqual(1);
      expect(terminal.destroyed).toBe(terminal.handle === null ? 0 : 1);
      expect(playing.harness.log).toEqual([]);
    }),
    { numRuns: 4000 },
  );
}, 60_000);

it("survives filters that throw, answer, reset and inject at random", async () => {
  await fc.assert(
    fc.asyncProperty(run, async (of) => {
      const playing = await play(of, true);
      if (!playing.isOver) playing.client.abort();
      await settled();
      expectCleanEnd(playing);
      const { terminal } = playing;
      expect(terminal.frames.filter((f) => f === "end").length).toBeLessThanOrEqual(1);
      if (terminal.ended) expect(terminal.frames.at(-1)).toBe("end");
    }),
    { numRuns: 4000 },
  );
}, 60_000);
