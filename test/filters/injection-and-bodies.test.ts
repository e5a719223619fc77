/** Bytes that filters make: injection, trailers, whole bodies, replaced ones. */
import { type Direction, Stop, StopAndBuffer, type Verdict } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { addBody } from "./add-body.ts";
import { addTrailers } from "./add-trailers.ts";
import { InjectLater } from "./inject-later.ts";
import { Play } from "./play.ts";
import { replaceBody } from "./replace-body.ts";
import { bytes, onSide, type Side, SIDES, text } from "./side.ts";
import { StopWith } from "./stop-with.ts";

describe.each(SIDES)("injection into the %s", (side) => {
  it("from a headers hook follows the headers, takes their end and the length that they promised", () => {
    const play = new Play(side, [addBody(side, "made", true)]).headers({ "content-length": "0" }, true);
    expect(play.frames).toEqual(["headers", "data:4", "end"]);
    expect(play.received["content-length"]).toBeUndefined();
  });

  it("without an end leaves the message open until the filter ends it", () => {
    const later = new InjectLater(side);
    const both = onSide(side, {
      headers: (way) => {
        later.way = way;
        way.inject(bytes("first "), false);
      },
    });
    const play = new Play(side, [both]).headers({}, true);
    expect(play.frames).toEqual(["headers", "data:6"]);
    later.way!.inject(bytes("last"), true);
    expect(play.body).toBe("first last");
    expect(play.ended).toBe(true);
  });

  it("goes before a body that comes", () => {
    const play = new Play(side, [addBody(side, "<", false)]).message("a", "b");
    expect(play.body).toBe("<ab");
    expect(play.ended).toBe(true);
  });

  it("goes on behind what the headers hook injected before it stopped, or before its promise", async () => {
    const verdicts: readonly (Verdict | Promise<Verdict>)[] = [Stop, Promise.resolve<Verdict>(Stop)];
    for (const verdict of verdicts) {
      const later = new InjectLater(side);
      const both = onSide(side, {
        headers: (way) => {
          later.way = way;
          way.inject(bytes("first "), false);
          return verdict;
        },
      });
      const play = new Play(side, [both]).headers({}, true);
      later.way!.inject(bytes("second "), false);
      await play.settle();
      later.way!.inject(bytes("third"), true);
      expect(play.body).toBe("first second third");
      expect(play.ended).toBe(true);
    }
  });

  it("of an end drops what the source still sends", () => {
    const play = new Play(side, [addBody(side, "all", true)]).headers().data("more").data("", true);
    expect(play.frames).toEqual(["headers", "data:3", "end"]);
  });

  it("of an end is final: resume() does not open the message again", () => {
    const later = new InjectLater(side, Stop);
    const play = new Play(side, [later.filter]).headers();
    later.way!.inject(bytes("own"), true);
    later.way!.resume();
    play.data("more", true);
    expect(play.frames).toEqual(["headers", "data:3", "end"]);
    expect(play.isSourcePaused).toBe(false);
  });

  it("goes past what the filter holds, headers first", () => {
    const later = new InjectLater(side, StopAndBuffer);
    const play = new Play(side, [later.filter]).headers().data("held", true);
    later.way!.inject(bytes("1"), false);
    expect(play.frames).toEqual(["headers", "data:1"]);
    later.way!.resume();
    expect(play.body).toBe("1held");
    expect(play.ended).toBe(true);
  });

  it("after the end went by is refused, also where a later filter holds it", () => {
    const later = new InjectLater(side);
    const holder = new StopWith(side, StopAndBuffer);
    const chain = side === "request" ? [later.filter, holder.filter] : [holder.filter, later.filter];
    const play = new Play(side, chain).message("a");
    expect(() => later.way!.inject(bytes("late"), false)).toThrow(/after the end/);
    holder.way!.resume();
    expect(play.body).toBe("a");
    if (side === "request") expect(() => later.way!.inject(bytes("late"), false)).toThrow(/after the end/);
  });

  it("before the headers have come is refused", () => {
    const later = new InjectLater("request");
    const holder = new StopWith("response", Stop);
    const play = new Play("request", [later.filter, holder.filter]).headers({}, true);
    const { response } = play.terminal.handle!;
    expect(() => response.inject(bytes("x"), false)).toThrow(/before the headers/);
  });

  it("inside a data hook is refused", () => {
    const injecting = onSide(side, { data: (_d, _e, way) => way.inject(bytes("x"), false) });
    expect(new Play(side, [injecting]).headers().data("a").details).toMatch(/^filter_error/);
  });

  const fromTrailers = (end: boolean, verdict?: (way: Direction) => Verdict | Promise<Verdict>) =>
    onSide(side, {
      trailers: (way) => {
        way.inject(bytes("<"), false);
        way.inject(bytes(">"), end);
        return verdict?.(way);
      },
    });

  it("from a trailers hook goes ahead of the trailers", () => {
    const play = new Play(side, [fromTrailers(false)]).headers().data("a").data("b").trailers({ "x-t": "1" });
    expect(play.frames).toEqual(["headers", "data:1", "data:1", "data:1", "data:1", "trailers", "end"]);
    expect([play.body, play.receivedTrailers]).toEqual(["ab<>", { "x-t": "1" }]);
  });

  it("from a trailers hook takes the place of the trailers where it ends the message", () => {
    const filters = [fromTrailers(true), seesTrailers(side)];
    const play = new Play(side, side === "request" ? filters : filters.reverse()).headers().data("a");
    play.trailers({ "x-t": "1" });
    expect([play.body, play.ended, play.receivedTrailers]).toEqual(["a<>", true, null]);
  });

  it("from a trailers hook waits with the trailers, and behind what the filter held", async () => {
    for (const end of [false, true]) {
      const held = onSide(side, {
        headers: () => Stop,
        data: () => Stop,
        trailers: (way) => void way.inject(bytes("<>"), end),
      });
      const after = new Play(side, [held]).headers().data("ab");
      expect(after.frames).toEqual([]);
      after.trailers({ "x-t": "1" });
      expect([after.body, after.ended, after.receivedTrailers !== null]).toEqual(["ab<>", true, !end]);

      let resume = (): void => {};
      const stopping = fromTrailers(end, (way) => {
        resume = () => way.resume();
        return Stop;
      });
      const stopped = new Play(side, [stopping]).headers().data("a").trailers({ "x-t": "1" });
      expect([stopped.body, stopped.ended]).toEqual(["a", false]);
      resume();
      expect([stopped.body, stopped.ended, stopped.receivedTrailers !== null]).toEqual(["a<>", true, !end]);

      const promised = new Play(side, [fromTrailers(end, () => Promise.resolve())]).headers().data("a");
      promised.trailers({ "x-t": "1" });
      expect(promised.body).toBe("a");
      await new Promise((settled) => setImmediate(settled));
      expect([promised.body, promised.ended, promised.receivedTrailers !== null]).toEqual(["a<>", true, !end]);
    }
  });
});

/** A filter behind has its turn with whatever comes. */
const seesTrailers = (side: Side) =>
  onSide(side, {
    trailers: () => {
      throw new Error("the trailers are gone");
    },
  });

describe.each(SIDES)("trailers added to the %s", (side) => {
  it("come behind the last chunk", () => {
    const play = new Play(side, [addTrailers(side)]).message("a", "b");
    expect(play.frames).toEqual(["headers", "data:1", "data:1", "trailers", "end"]);
    expect(play.receivedTrailers).toEqual({ "x-added": "yes" });
  });

  it("wait with a chunk that is stopped", () => {
    let resume = (): void => {};
    const stopping = addTrailers(side, (way) => {
      resume = () => way.resume();
      return Stop;
    });
    const play = new Play(side, [stopping]).message("a");
    expect(play.frames).toEqual(["headers"]);
    resume();
    expect(play.frames).toEqual(["headers", "data:1", "trailers", "end"]);
  });

  it("wait for a promise", async () => {
    const play = new Play(side, [addTrailers(side, () => Promise.resolve())]).message("a");
    await play.settle();
    expect(play.frames).toEqual(["headers", "data:1", "trailers", "end"]);
  });

  it("before the end are refused", () => {
    const early = onSide(side, { data: (_d, _e, way) => void way.addTrailers() });
    expect(new Play(side, [early]).headers().data("a").details).toMatch(/^filter_error/);
  });
});

describe.each(SIDES)("the whole body of the %s", (side) => {
  it("comes to a headers hook that awaits it, and can be replaced with its length", async () => {
    const play = new Play(side, [replaceBody(side, (body) => `${body}!`)])
      .headers({ "content-length": "4" })
      .data("ab")
      .data("cd", true);
    await play.settle();
    expect(play.body).toBe("abcd!");
    expect(play.received["content-length"]).toBe("5");
  });

  it("is complete with the trailers", async () => {
    const play = new Play(side, [replaceBody(side, (body) => body.toUpperCase())]).headers().data("ab").trailers();
    await play.settle();
    expect(play.body).toBe("AB");
    expect(play.receivedTrailers).toEqual({ "x-trailer": "1" });
  });

  it("is empty where there is none, and may be made", async () => {
    const play = new Play(side, [replaceBody(side, (body) => `[${body}]`)]).headers({}, true);
    await play.settle();
    expect(play.frames).toEqual(["headers", "data:2", "end"]);
  });

  it("beyond the limit is answered, and the promise rejected", async () => {
    let failure = "";
    const filter = onSide(side, {
      headers: (way) =>
        way.body(3).then(
          () => {},
          (error: unknown) => void (failure = (error as Error).message),
        ),
    });
    const play = new Play(side, [filter]).headers().data("abc").data("d", true);
    await play.settle();
    expect(play.status).toBe(side === "request" ? 413 : 500);
    expect(failure).toMatch(/ended before/);
    expect(play.body).toBe(side === "request" ? "" : "Internal Server Error");
  });

  it("asked for twice is one promise; asked for and not awaited it is rejected", async () => {
    let same = false;
    const twice = onSide(side, {
      async headers(way) {
        const first = way.body();
        same = first === way.body();
        await first;
      },
    });
    const play = new Play(side, [twice]).message("a");
    await play.settle();
    expect([same, play.body]).toEqual([true, "a"]);
    let error = "";
    const forgetful = onSide(side, {
      headers: (way) => void way.body().catch((e: unknown) => (error = (e as Error).message)),
    });
    const passing = new Play(side, [forgetful]).message("b");
    await passing.settle();
    expect([error, passing.body]).toEqual(["the headers hook went on without its body", "b"]);
  });

  it("comes also to a hook that stops, whichever way, and resumes when it has it", async () => {
    const got: string[] = [];
    const filter = onSide(side, {
      headers(way) {
        void way.body().then((body) => {
          got.push(text(body));
          way.resume();
        });
        return Stop;
      },
    });
    const play = new Play(side, [filter]).message("a", "b");
    await play.settle();
    expect(got).toEqual(["ab"]);
    expect(play.body).toBe("ab");
  });

  it("is refused once the headers are gone", () => {
    const late = onSide(side, { data: (_d, _e, way) => void way.body() });
    expect(new Play(side, [late]).message("a").details).toMatch(/^filter_error/);
    const unasked = onSide(side, { headers: (way) => way.replaceBody(bytes("x")) });
    expect(new Play(side, [unasked]).message("a").details).toMatch(/^filter_error/);
  });
});
