/** The two directions of a CONNECT tunnel end each on its own; other streams end with their response. */
import type { HarnessFilter } from "@sluice/core/testing";
import { Continue, Stop } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { Play } from "./play.ts";
import { onSide } from "./side.ts";

const CONNECT = { ":method": "CONNECT", ":path": "", ":authority": "db.test:5432" };
const UPGRADES = {
  hcm: { upgrades: ["connect", "websocket"].map((type) => ({ type, enabled: true, filters: null })) },
} as const;

/** Keeps the request's end to itself for a while. */
function holdEnd(ms: number): HarnessFilter {
  return onSide("request", {
    data(_data, end, _way, stream) {
      if (!end) return Continue;
      stream.setTimer((s) => s.request.resume(), ms);
      return Stop;
    },
  });
}

function tunnel(headers: Record<string, string>, filters: readonly HarnessFilter[] = []): Play {
  return new Play("request", filters, UPGRADES).headers(headers);
}

describe("a CONNECT tunnel", () => {
  it("that the upstream has ended goes on towards it until the client ends", () => {
    const play = tunnel(CONNECT);
    play.terminal.respond(200, {}, false).data("bye", true);
    expect(play.client.sent.frames).toEqual(["headers", "data:3", "end"]);
    expect(play.client.stream.over).toBe(false);
    play.data("still").data("here", true);
    expect(play.terminal).toMatchObject({ body: "stillhere", ended: true, destroyed: 1 });
    expect(play.client.stream.over).toBe(true);
  });

  it("that the client has ended goes on until the upstream ends", () => {
    const play = tunnel(CONNECT);
    play.terminal.respond(200, {}, false);
    play.data("bye", true);
    expect(play.client.stream.over).toBe(false);
    play.terminal.data("still here", true);
    expect(play.client.sent.body).toBe("still here");
    expect([play.client.stream.over, play.terminal.destroyed]).toEqual([true, 1]);
  });

  it("is not over before a filter that holds the client's end lets it go", () => {
    const play = tunnel(CONNECT, [holdEnd(1000)]);
    play.terminal.respond(200, {}, false);
    play.data("last words", true);
    play.terminal.data("bye", true);
    expect([play.client.stream.over, play.terminal.body]).toEqual([false, ""]);
    play.harness.advance(1100);
    expect(play.terminal).toMatchObject({ body: "last words", ended: true, destroyed: 1 });
    expect(play.client.stream.over).toBe(true);
  });

  it("that was refused ends with its answer", () => {
    const play = tunnel(CONNECT);
    play.terminal.respond(403, {}, true);
    expect([play.client.stream.over, play.terminal.destroyed]).toEqual([true, 1]);
  });
});

it("an upgrade ends with what the upstream says, as does an ordinary request", () => {
  for (const [headers, status] of [
    [{ upgrade: "websocket" }, 101],
    [{ ":method": "POST" }, 200],
  ] as const) {
    const play = tunnel(headers);
    play.terminal.respond(status, {}, false).data("bye", true);
    expect([play.client.stream.over, play.terminal.destroyed], String(status)).toEqual([true, 1]);
  }
});
