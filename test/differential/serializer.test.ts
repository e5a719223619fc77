/** What our codecs write, read by llhttp in strict mode: exactly the messages that the engine meant, one after the other on one connection. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Pair,
  ClientPeer,
  ServerPeer,
  fieldsOf,
  requestHeaders,
  responseHeaders,
} from "../../packages/core/src/http/codec/h1/scripted-peer.ts";
import { HeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { runs } from "./support/bytes.ts";
import { llhttp } from "./support/llhttp.ts";

const name = fc.constantFrom(
  "a",
  "x-custom",
  "set-cookie",
  "content-type",
  "etag",
  "date",
  "server",
  "x-b",
  "te-st",
  "trailer",
);
const value = fc
  .string({ unit: fc.constantFrom(..."abcXYZ019 -=;:,/\"'()<>@[]{}?\t\xe9\xff"), maxLength: 30 })
  .map((text) => text.trim());
const fields: fc.Arbitrary<Pair[]> = fc.array(fc.tuple(name, value), { maxLength: 6 });
/** What filters might leave in a map although it is the codec's business. */
const stray: fc.Arbitrary<Pair[]> = fc.array(
  fc.constantFrom<Pair>(
    ["transfer-encoding", "gzip"],
    ["connection", "x"],
    ["keep-alive", "x"],
    ["host", "evil"],
    ["proxy-connection", "x"],
    ["upgrade", "x"],
  ),
  { maxLength: 2 },
);
const piece = fc
  .tuple(
    fc.constantFrom(0, 1, 2, 15, 16, 100, 4095, 4096, 4097, 20_000),
    fc.constantFrom("x", "\r\n", "0\r\n\r\n", "\xff\0"),
  )
  .map(([length, unit]) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length));

interface Plan {
  readonly fields: Pair[];
  readonly stray: Pair[];
  readonly pieces: string[];
  readonly isMeasured: boolean;
  readonly endsWithHeaders: boolean;
  readonly trailers: Pair[];
  /** Everything in one turn of the loop, or each piece in its own. */
  readonly isOneTurn: boolean;
}
const plan: fc.Arbitrary<Plan> = fc.record({
  fields,
  stray,
  pieces: fc.array(piece, { maxLength: 5 }),
  isMeasured: fc.boolean(),
  endsWithHeaders: fc.boolean(),
  trailers: fc.array(fc.tuple(fc.constantFrom("x-sum", "x-b"), value), { maxLength: 2 }),
  isOneTurn: fc.boolean(),
});

interface Encoder {
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
}
type Turn = (run: () => void) => void;

const bodyOf = ({ pieces, endsWithHeaders }: Plan): string => (endsWithHeaders ? "" : pieces.join(""));

/** Fields of the map, the length among them where the body is measured. */
function mapFields({ fields: plain, stray: odd, isMeasured, pieces }: Plan, hasBody: boolean): Pair[] {
  const length: Pair[] = hasBody && isMeasured ? [["content-length", String(pieces.join("").length)]] : [];
  return [...plain.slice(0, 2), ...odd, ...length, ...plain.slice(2)];
}

/** Sends the body as the plan says; returns whether its trailers were sent too. */
function sendBody(one: Plan, encoder: Encoder, turn: Turn): boolean {
  const hasTrailers = one.trailers.length > 0;
  one.pieces.forEach((text, index) =>
    turn(() => encoder.sendData(Buffer.from(text, "latin1"), !hasTrailers && index === one.pieces.length - 1)),
  );
  if (hasTrailers) turn(() => encoder.sendTrailers(new HeaderMap(fieldsOf(one.trailers))));
  else if (one.pieces.length === 0) turn(() => encoder.sendData(new Uint8Array(0), true));
  return hasTrailers && !one.isMeasured;
}

function inTurns(peer: { turn: Turn }, one: Plan, run: (turn: Turn) => void): void {
  if (one.isOneTurn) peer.turn(() => run((step) => step()));
  else run((step) => peer.turn(step));
}

describe("responses as llhttp reads them", () => {
  it("are what was meant", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(plan, fc.constantFrom(200, 201, 204, 304, 404, 599)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (plans, isHead) => {
          const peer = new ServerPeer({ enableTrailers: true });
          const expected = plans.map(([one, status]) => {
            peer.connection.receive(`${isHead ? "HEAD" : "GET"} / HTTP/1.1\r\nHost: a\r\n\r\n`);
            const { encoder } = peer.last;
            let hasTrailers = false;
            inTurns(peer, one, (turn) => {
              turn(() =>
                encoder.sendHeaders(
                  responseHeaders(status, ...mapFields(one, !one.endsWithHeaders)),
                  one.endsWithHeaders,
                ),
              );
              if (!one.endsWithHeaders) hasTrailers = sendBody(one, encoder, turn);
            });
            expect(peer.last).toMatchObject({ flushed: 1, isReset: false });
            const isBodiless = isHead || status === 204 || status === 304;
            return {
              status,
              fields: one.fields,
              body: isBodiless ? "" : bodyOf(one),
              trailers: hasTrailers && !isBodiless ? one.trailers : [],
            };
          });
          const { messages, error } = llhttp("response", Buffer.concat(peer.connection.writes), { isHead });
          expect(error).toBe("");
          expect(
            messages.map(({ status, fields: all, body, trailers }) => ({
              status,
              fields: all.filter(([field]) => field !== "content-length" && field !== "transfer-encoding"),
              body,
              trailers,
            })),
          ).toEqual(expected);
          for (const message of messages) {
            expect(message.isComplete).toBe(true);
            expect(
              message.fields.filter(([field]) => field === "content-length" || field === "transfer-encoding").length,
            ).toBeLessThanOrEqual(1);
          }
          expect(peer.connection.closedBy).toBe("");
        },
      ),
      runs(400),
    );
  });
});

describe("requests as llhttp reads them", () => {
  it("are what was meant", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(plan, fc.constantFrom("GET", "POST", "DELETE", "PATCH")), { minLength: 1, maxLength: 4 }),
        (plans) => {
          const peer = new ClientPeer({ enableTrailers: true });
          const expected = plans.map(([one, method], index) => {
            let hasTrailers = false;
            inTurns(peer, one, (turn) => {
              const { encoder } = peer.send(
                requestHeaders(method, `/${index}`, ...mapFields(one, !one.endsWithHeaders)),
                one.endsWithHeaders,
              );
              if (!one.endsWithHeaders) hasTrailers = sendBody(one, encoder, turn);
            });
            peer.connection.receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            expect(peer.ends).toEqual(plans.slice(0, index + 1).map(() => true));
            return {
              method,
              target: `/${index}`,
              fields: one.fields,
              body: bodyOf(one),
              trailers: hasTrailers ? one.trailers : [],
              keepAlive: true,
            };
          });
          const { messages, error } = llhttp("request", Buffer.concat(peer.connection.writes));
          expect(error).toBe("");
          expect(
            messages.map(({ method, target, fields: all, body, trailers, keepAlive }) => ({
              method,
              target,
              fields: all.filter(
                ([field]) => field !== "content-length" && field !== "transfer-encoding" && field !== "host",
              ),
              body,
              trailers,
              keepAlive,
            })),
          ).toEqual(expected);
          for (const message of messages) {
            expect(message.isComplete).toBe(true);
            expect(message.fields[0]).toEqual(["host", "example.com"]);
          }
        },
      ),
      runs(400),
    );
  });
});

describe("one codec reads the other", () => {
  it("as it was meant", () => {
    fc.assert(
      fc.property(plan, fc.constantFrom("GET", "POST", "PUT"), (one, method) => {
        const client = new ClientPeer({ enableTrailers: true });
        const server = new ServerPeer({ enableTrailers: true });
        let hasTrailers = false;
        const response = client.send(
          requestHeaders(method, "/", ...mapFields(one, !one.endsWithHeaders)),
          one.endsWithHeaders,
        );
        if (!one.endsWithHeaders) hasTrailers = sendBody(one, response.encoder, (step) => client.turn(step));
        for (const write of client.connection.writes) server.connection.receive(write);
        expect(server.last).toMatchObject({ body: bodyOf(one), isComplete: true, isReset: false });
        expect(server.last.trailers ?? []).toEqual(hasTrailers ? one.trailers : []);
        server.turn(() => server.last.encoder.sendHeaders(responseHeaders(200, ...mapFields(one, true)), false));
        sendBody(one, server.last.encoder, (step) => server.turn(step));
        for (const write of server.connection.writes) client.connection.receive(write);
        expect(response).toMatchObject({ status: 200, body: one.pieces.join(""), isComplete: true, isReset: false });
        expect(client.ends).toEqual([true]);
      }),
      runs(400),
    );
  });
});
