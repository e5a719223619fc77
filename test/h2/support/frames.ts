// Frames at random: mostly such as a peer might send, some mutated, in an order that makes sense now and then.
import fc from "fast-check";
import { DEFAULT_FRAME_SIZE } from "../../../packages/core/src/http/codec/h2/frame.ts";
import {
  GET,
  OK,
  POST,
  type Pair,
  SETTINGS_ACK,
  block,
  data,
  frame,
  goaway,
  headers,
  ping,
  priority,
  rst,
  settings,
  windowUpdate,
} from "../../../packages/core/src/http/codec/h2/scripted-wire.ts";

const id = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 3, 5, 7, 9) },
  fc.constantFrom(0, 2, 4, 101, 0x7fff_ffff),
);
const size = fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, fc.nat(2000), fc.constant(DEFAULT_FRAME_SIZE));
const code = fc.oneof(fc.nat(13), fc.constant(0xffff_ffff));
const window = fc.oneof(fc.nat(10), fc.nat(100_000), fc.constant(0x7fff_ffff));

const WEBSOCKET: readonly Pair[] = [[":method", "CONNECT"], [":protocol", "websocket"], ...GET.slice(1)];
const TUNNEL: readonly Pair[] = [
  [":method", "CONNECT"],
  [":authority", "a:1"],
];
const extra = fc.constantFrom<Pair>(
  ["a", "b"],
  ["content-length", "0"],
  ["content-length", "7"],
  ["content-length", "x"],
  ["cookie", "a=1"],
  ["cookie", "b=2"],
  ["te", "trailers"],
  ["connection", "close"],
  ["X", "y"],
  ["x", "a\r\nb"],
  ["host", "example.com"],
  [":path", "/"],
  [":status", "204"],
  ["", ""],
  ["x-long", "v".repeat(600)],
);
const requestFields = fc
  .tuple(fc.constantFrom(GET, GET, POST, POST, WEBSOCKET, TUNNEL, []), fc.array(extra, { maxLength: 2 }))
  .map(([base, more]) => [...base, ...more]);
const responseFields = fc
  .tuple(
    fc.constantFrom<readonly Pair[]>(OK, OK, [[":status", "100"]], [[":status", "204"]], [[":status", "304"]], []),
    fc.array(extra, { maxLength: 2 }),
  )
  .map(([base, more]) => [...base, ...more]);

function oneFrame(fields: fc.Arbitrary<Pair[]>): fc.Arbitrary<Buffer> {
  const end = fc.boolean();
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(id, fields, end).map(([on, pairs, ends]) => headers(on, pairs, ends)) },
    { weight: 1, arbitrary: fc.tuple(id, fields, end).map(([on, pairs, ends]) => headers(on, pairs, ends, 0)) },
    { weight: 1, arbitrary: fc.tuple(id, fields, end).map(([on, pairs]) => frame(9, 4, on, block(...pairs))) },
    {
      weight: 6,
      arbitrary: fc.tuple(id, size, end).map(([on, bytes, ends]) => data(on, Buffer.alloc(bytes, 97), ends)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(id, fc.nat(5), end)
        .map(([on, pad, ends]) => frame(0, ends ? 9 : 8, on, Buffer.alloc(4, pad))),
    },
    { weight: 2, arbitrary: fc.tuple(id, code).map(([on, why]) => rst(on, why)) },
    { weight: 3, arbitrary: fc.tuple(id, window).map(([on, by]) => windowUpdate(on, by)) },
    { weight: 1, arbitrary: fc.tuple(id, id).map(([on, other]) => priority(on, other)) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(9), window).map(([name, value]) => settings([name, value])) },
    { weight: 1, arbitrary: fc.tuple(id, code).map(([last, why]) => goaway(last, why)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(ping(), ping("slucdran", 1), ping("slkeepal", 1), SETTINGS_ACK, settings()),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.nat(255), fc.nat(255), id, fc.uint8Array({ maxLength: 40 }))
        .map(([type, flags, on, bytes]) => frame(type, flags, on, bytes)),
    },
  );
}

/** A stretch of a connection: frames, with a few bytes changed, dropped or put in between now and then. */
function stretch(fields: fc.Arbitrary<Pair[]>): fc.Arbitrary<Buffer> {
  const mutation = fc.tuple(
    fc.double({ min: 0, max: 0.999, noNaN: true }),
    fc.nat(255),
    fc.constantFrom("set", "drop", "put"),
  );
  return fc
    .tuple(
      fc.array(oneFrame(fields), { maxLength: 8 }),
      fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, fc.array(mutation, { maxLength: 3 })),
    )
    .map(([frames, mutations]) => {
      let bytes = Buffer.concat(frames);
      for (const [where, value, how] of mutations) {
        const at = Math.floor(where * bytes.length);
        if (how === "set" && at < bytes.length) bytes[at] = value;
        else if (how === "drop") bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(value), bytes.subarray(at)]);
      }
      return bytes;
    });
}

export const clientBytes: fc.Arbitrary<Buffer> = stretch(requestFields);
export const serverBytes: fc.Arbitrary<Buffer> = stretch(responseFields);
