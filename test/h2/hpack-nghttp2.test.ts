/**
 * HPACK against nghttp2's, in one node:http2 session: our blocks go to its decoder, its blocks to ours, while both ends change the size of their tables. And what is not
 * legal for one is not for the other.
 */
import http2 from "node:http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../../packages/core/src/http/codec/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../packages/core/src/http/codec/h2/hpack/encoder.ts";
import { HPACK_ERROR } from "../../packages/core/src/http/codec/h2/hpack/hpack-error.ts";
import {
  RecordedBlock,
  decodeBlock,
  encodeBlock,
  fieldsOf,
} from "../../packages/core/src/http/codec/h2/hpack/recorded-block.ts";
import { instructions, plain, sizeUpdates } from "./support/blocks.ts";
import { type ArbitraryField, fieldList, made, tableSize } from "./support/fields.ts";
import { RawClient, type RawEvents } from "./support/raw-client.ts";

const PSEUDO: ReadonlyArray<readonly [string, string]> = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "a.example"],
  [":path", "/some/path"],
];

/** The least request, without any table. */
const GET = Buffer.concat([Buffer.from("828684", "hex"), Buffer.of(0x01), plain("a.example")]);

type Step =
  | {
      readonly kind: "exchange";
      readonly request: readonly ArbitraryField[];
      readonly response: readonly ArbitraryField[];
    }
  | { readonly kind: "ourTable" | "theirTable"; readonly bytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("exchange" as const), request: fieldList, response: fieldList }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("ourTable" as const, "theirTable" as const), bytes: tableSize }),
  },
);

/** node:http2 wants every name once, and takes an object. */
function responseHeaders(fields: readonly ArbitraryField[]): http2.OutgoingHttpHeaders {
  const headers: http2.OutgoingHttpHeaders = { ":status": 200 };
  const sensitive: string[] = [];
  for (const { name, value, never } of fields) {
    headers[name] = value;
    if (never) sensitive.push(name);
  }
  return { ...headers, [http2.sensitiveHeaders]: sensitive };
}

function withoutRepeats(fields: readonly ArbitraryField[]): ArbitraryField[] {
  return [...new Map(fields.map((field) => [field.name, field])).values()];
}

class Session implements RawEvents {
  readonly client: RawClient;
  readonly #encoder = new HpackEncoder(65_536);
  readonly #decoder = new HpackDecoder(4096);
  #announced: number[] = [];
  #theirs: number[] = [];
  #response: readonly ArbitraryField[] = [];
  #seen: { headers: http2.IncomingHttpHeaders; raw: string[] } | null = null;
  #record: RecordedBlock | null = null;

  constructor() {
    this.client = new RawClient(
      this,
      (stream, headers, raw) => {
        this.#seen = { headers, raw };
        stream.respond(responseHeaders(this.#response), {
          endStream: true,
          sendDate: false,
        } as http2.ServerStreamResponseOptions);
      },
      { maxDeflateDynamicTableSize: 16_384, maxHeaderListPairs: 1000 } as http2.ServerSessionOptions,
    );
  }

  onBlock(_streamId: number, block: Buffer): void {
    this.#record = decodeBlock(this.#decoder, block);
  }

  onTableSize(bytes: number): void {
    this.#encoder.setMaxDynamicTableSize(bytes);
    this.#theirs.push(bytes);
  }

  onAck(): void {
    const bytes = this.#announced.shift();
    if (bytes !== undefined && bytes !== -1) this.#decoder.setMaxDynamicTableSize(bytes);
  }

  /** Our first SETTINGS are without a table size. */
  start(): void {
    this.#announced.push(-1);
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case "ourTable":
        this.#announced.push(step.bytes);
        this.client.announceTableSize(step.bytes);
        return;
      case "theirTable": {
        const { length } = this.#theirs;
        this.client.session.settings({ headerTableSize: step.bytes });
        await this.client.until(() => this.#theirs.length > length);
        return;
      }
      case "exchange":
        await this.#exchange(step.request, withoutRepeats(step.response));
        return;
    }
  }

  async #exchange(request: readonly ArbitraryField[], response: readonly ArbitraryField[]): Promise<void> {
    this.#response = response;
    this.#seen = null;
    this.#record = null;
    this.client.request(encodeBlock(this.#encoder, [...fieldsOf(PSEUDO), ...request.map(made)]));
    await this.client.until(() => this.#record !== null);
    const { headers, raw } = this.#seen!;
    expect(raw).toEqual([...PSEUDO, ...request.map(({ name, value }) => [name, value])].flat());
    const sensitive = new Set((headers as Record<symbol, string[]>)[http2.sensitiveHeaders]);
    for (const { name, never } of request) if (never) expect(sensitive).toContain(name);
    const { error, pairs, neverIndexed, faults } = this.#record!;
    expect(error).toBe(0);
    expect(faults.every((bits) => bits === 0)).toBe(true);
    expect(pairs).toEqual([[":status", "200"], ...response.map(({ name, value }) => [name, value])]);
    for (const [i, { never }] of response.entries()) if (never) expect(neverIndexed[i + 1]).toBe(true);
  }
}

describe("nghttp2", () => {
  it("reads what we write and writes what we read, while tables change their sizes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const session = new Session();
        session.start();
        try {
          for (const one of steps) await session.run(one);
        } finally {
          await session.client.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it("refuses as COMPRESSION_ERROR the blocks that we refuse, and no others", async () => {
    const verdicts = { legal: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(sizeUpdates, instructions, async (updates, tail) => {
        const block = Buffer.concat([updates, GET, tail]);
        const error = new HpackDecoder(4096).decode(block, new RecordedBlock());
        let answered = 0;
        const events = {
          onBlock: (streamId: number) => {
            answered = streamId;
          },
          onTableSize: () => {},
          onAck: () => {},
        };
        const client = new RawClient(events, (stream) => stream.respond({ ":status": 200 }, { endStream: true }));
        try {
          client.request(block);
          // What is wrong with a field alone resets its stream: the session goes on, and answers the next.
          const next = client.request(GET);
          await client.until(() => answered === next || client.goaway !== -1);
        } finally {
          await client.close();
        }
        expect(client.goaway).toBe(error === HPACK_ERROR.ok ? -1 : http2.constants.NGHTTP2_COMPRESSION_ERROR);
        verdicts[error === HPACK_ERROR.ok ? "legal" : "refused"]++;
      }),
      { numRuns: 250 },
    );
    // The blocks are of both kinds, or nothing was compared.
    expect(Math.min(verdicts.legal, verdicts.refused)).toBeGreaterThan(20);
  });
});
