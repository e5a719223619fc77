// The small parts by themselves: the table of streams against a map, the memory of closed ones, queues of bytes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteQueue } from "./byte-queue.ts";
import { Closed, ClosedStreams } from "./closed-streams.ts";
import { ErrorCode } from "./frame.ts";
import { HTTP2_CLIENT_DEFAULTS, HTTP2_SERVER_DEFAULTS } from "./options.ts";
import { settings, u32 } from "./scripted-wire.ts";
import { PeerSettings, ownSettings } from "./settings.ts";
import { StreamTable } from "./stream-table.ts";

describe("the table of streams", () => {
  const id = fc.oneof(
    fc.nat(60).map((n) => 2 * n + 1),
    // Ids that all want the same place.
    fc.nat(40).map((n) => n * 4096 + 1),
    fc.integer({ min: 1, max: 0x7fff_ffff }),
  );

  it("finds what a map finds, whatever the ids", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 300 }), (steps) => {
        const table = new StreamTable<{ readonly id: number }>();
        const model = new Map<number, { readonly id: number }>();
        for (const [adds, key] of steps) {
          if (adds && !model.has(key)) {
            const stream = { id: key };
            table.add(stream);
            model.set(key, stream);
          } else {
            table.remove(key);
            model.delete(key);
          }
          expect(table.get(key)).toBe(model.get(key) ?? null);
          expect(table.size).toBe(model.size);
        }
        for (const [key, stream] of model) expect(table.get(key)).toBe(stream);
        expect(table.all().map((stream) => stream.id)).toEqual([...model.keys()].sort((a, b) => a - b));
      }),
    );
  });
});

describe("the memory of closed streams", () => {
  it("knows the last ones, the last way first, and what was passed over", () => {
    const closed = new ClosedStreams();
    expect(closed.way(1)).toBe(Closed.long);
    closed.add(1, Closed.ended);
    closed.skip(2, 8);
    closed.add(9, Closed.ended);
    closed.add(9, Closed.resetByUs);
    expect([1, 5, 9].map((id) => closed.way(id))).toEqual([Closed.ended, Closed.skipped, Closed.resetByUs]);
    for (let id = 11; id < 211; id += 2) closed.add(id, Closed.resetByPeer);
    expect([1, 5, 11, 209].map((id) => closed.way(id))).toEqual([
      Closed.long,
      Closed.skipped,
      Closed.long,
      Closed.resetByPeer,
    ]);
  });
});

describe("a queue of bytes", () => {
  it("gives what it was given, in any portions, from any buffer that changes afterwards", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.array(fc.integer({ min: 1, max: 30 })),
        (parts, takes) => {
          const queue = new ByteQueue();
          const all = Buffer.concat(parts);
          for (const part of parts) {
            const given = Buffer.from(part);
            queue.keep(given, 0);
            given.fill(0);
          }
          expect(queue.bytes).toBe(all.length);
          const out: number[] = [];
          for (let i = 0; queue.head !== null; i++) {
            const count = Math.min(takes[i % takes.length] ?? 7, queue.head.length - queue.offset);
            out.push(...queue.head.subarray(queue.offset, queue.offset + count));
            queue.take(count);
          }
          expect(Buffer.from(out)).toEqual(all);
          expect([queue.bytes, queue.clear()]).toEqual([0, 0]);
        },
      ),
    );
  });
});

describe("SETTINGS", () => {
  it("of ours leave out what the protocol has anyway", () => {
    expect(ownSettings({ ...HTTP2_SERVER_DEFAULTS, initialStreamWindowSize: 65_535 }, true)).toEqual([
      3, 1024, 6, 61_440,
    ]);
    expect(
      ownSettings({ ...HTTP2_CLIENT_DEFAULTS, hpackTableSize: 0, customSettingsParameters: [[16, 1]] }, false),
    ).toEqual([1, 0, 2, 0, 4, 1 << 24, 6, 61_440, 16, 1]);
  });

  it("of the peer are taken in order; the least table counts, if only for a moment", () => {
    const peer = new PeerSettings();
    const payload = settings([1, 0], [3, 7], [1, 8192], [99, 1]).subarray(9);
    expect(peer.read(payload, false)).toBe(ErrorCode.noError);
    expect([peer.leastTableSize, peer.headerTableSize, peer.maxConcurrentStreams]).toEqual([0, 8192, 7]);
    expect(peer.read(Buffer.concat([Buffer.from([0, 2]), u32(1)]), true)).toBe(ErrorCode.protocolError);
  });
});
