/** The examples of RFC 7541 appendix C: every block, the fields that it stands for, and the dynamic table after it. */
import { describe, expect, it } from "vitest";
import { ByteSink } from "./byte-sink.ts";
import { HpackDecoder } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import { writeHuffman } from "./huffman.ts";
import { type Pair, decodeBlock, fieldsOf, hex, tableOf } from "./recorded-block.ts";

interface Example {
  readonly block: string;
  readonly fields: readonly Pair[];
  /** Newest first. */
  readonly table: readonly Pair[];
  readonly tableBytes: number;
}

const AUTHORITY: Pair = [":authority", "www.example.com"];
const NO_CACHE: Pair = ["cache-control", "no-cache"];
const CUSTOM: Pair = ["custom-key", "custom-value"];
const GET: Pair = [":method", "GET"];
const HTTP: Pair = [":scheme", "http"];
const SLASH: Pair = [":path", "/"];

/** C.3 and C.4 are the same three requests. */
const REQUESTS: readonly Omit<Example, "block">[] = [
  { fields: [GET, HTTP, SLASH, AUTHORITY], table: [AUTHORITY], tableBytes: 57 },
  { fields: [GET, HTTP, SLASH, AUTHORITY, NO_CACHE], table: [NO_CACHE, AUTHORITY], tableBytes: 110 },
  {
    fields: [GET, [":scheme", "https"], [":path", "/index.html"], AUTHORITY, CUSTOM],
    table: [CUSTOM, NO_CACHE, AUTHORITY],
    tableBytes: 164,
  },
];

const PRIVATE: Pair = ["cache-control", "private"];
const DATE: Pair = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const LATER: Pair = ["date", "Mon, 21 Oct 2013 20:13:22 GMT"];
const LOCATION: Pair = ["location", "https://www.example.com"];
const GZIP: Pair = ["content-encoding", "gzip"];
const COOKIE: Pair = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"];
const FOUND: Pair = [":status", "302"];
const TEMPORARY: Pair = [":status", "307"];

/** C.5 and C.6 are the same three responses, with a table of 256 octets. */
const RESPONSES: readonly Omit<Example, "block">[] = [
  { fields: [FOUND, PRIVATE, DATE, LOCATION], table: [LOCATION, DATE, PRIVATE, FOUND], tableBytes: 222 },
  { fields: [TEMPORARY, PRIVATE, DATE, LOCATION], table: [TEMPORARY, LOCATION, DATE, PRIVATE], tableBytes: 222 },
  {
    fields: [[":status", "200"], PRIVATE, LATER, LOCATION, GZIP, COOKIE],
    table: [COOKIE, GZIP, LATER],
    tableBytes: 215,
  },
];

function withBlocks(examples: readonly Omit<Example, "block">[], blocks: readonly string[]): Example[] {
  return examples.map((example, i) => ({ ...example, block: blocks[i]! }));
}

const SEQUENCES: ReadonlyArray<readonly [string, number, readonly Example[]]> = [
  [
    "C.2.1 literal field with indexing",
    4096,
    [
      {
        block: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        fields: [["custom-key", "custom-header"]],
        table: [["custom-key", "custom-header"]],
        tableBytes: 55,
      },
    ],
  ],
  [
    "C.2.2 literal field without indexing",
    4096,
    [
      {
        block: "040c 2f73 616d 706c 652f 7061 7468",
        fields: [[":path", "/sample/path"]],
        table: [],
        tableBytes: 0,
      },
    ],
  ],
  [
    "C.2.3 literal field never indexed",
    4096,
    [
      {
        block: "1008 7061 7373 776f 7264 0673 6563 7265 74",
        fields: [["password", "secret"]],
        table: [],
        tableBytes: 0,
      },
    ],
  ],
  ["C.2.4 indexed field", 4096, [{ block: "82", fields: [GET], table: [], tableBytes: 0 }]],
  [
    "C.3 requests without Huffman coding",
    4096,
    withBlocks(REQUESTS, [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]),
  ],
  [
    "C.4 requests with Huffman coding",
    4096,
    withBlocks(REQUESTS, [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]),
  ],
  [
    "C.5 responses without Huffman coding",
    256,
    withBlocks(RESPONSES, [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
       546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      "4803 3330 37c1 c0bf",
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
       6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
       2076 6572 7369 6f6e 3d31`,
    ]),
  ],
  [
    "C.6 responses with Huffman coding",
    256,
    withBlocks(RESPONSES, [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
       8f0b 97c8 e9ae 82ae 43d3`,
      "4883 640e ffc1 c0bf",
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
       dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ]),
  ],
];

describe("appendix C, decoded", () => {
  for (const [name, tableSize, examples] of SEQUENCES) {
    it(name, () => {
      const decoder = new HpackDecoder(tableSize);
      for (const { block, fields, table, tableBytes } of examples) {
        const record = decodeBlock(decoder, hex(block));
        expect(record.error).toBe(0);
        expect(record.pairs).toEqual(fields);
        expect(record.faults.every((faults) => faults === 0)).toBe(true);
        expect(decoder.tableBytes).toBe(tableBytes);
        expect(tableOf(decoder)).toEqual(table);
      }
    });
  }

  it("C.2.3 tells the sink that the field is never indexed", () => {
    const record = decodeBlock(new HpackDecoder(4096), hex("1008 7061 7373 776f 7264 0673 6563 7265 74"));
    expect(record.neverIndexed).toEqual([true]);
  });

  it("C.1 integers: 10 and 1337 behind a prefix of five bits, 42 at an octet's start", () => {
    // Read as size updates, the form with that prefix: only what is at most the limit passes.
    expect(decodeBlock(new HpackDecoder(10), hex("2a")).error).toBe(0);
    expect(decodeBlock(new HpackDecoder(9), hex("2a")).error).not.toBe(0);
    expect(decodeBlock(new HpackDecoder(1337), hex("3f9a0a")).error).toBe(0);
    expect(decodeBlock(new HpackDecoder(1336), hex("3f9a0a")).error).not.toBe(0);
    // 42 fills no prefix of eight bits in HPACK; a string's length of seven bits is the nearest.
    const fortyTwo = decodeBlock(new HpackDecoder(0), Buffer.concat([hex("002a"), Buffer.alloc(42, "a"), hex("00")]));
    expect(fortyTwo.pairs).toEqual([["a".repeat(42), ""]]);
  });
});

describe("appendix C, encoded", () => {
  it("C.1.2 writes 1337 behind a prefix of five bits", () => {
    const encoder = new HpackEncoder(1337);
    const out = new ByteSink();
    encoder.begin(out);
    expect(Buffer.from(out.view()).toString("hex")).toBe("3f9a0a");
  });

  it("C.4 requests come out octet for octet", () => {
    const encoder = new HpackEncoder();
    const out = new ByteSink();
    for (const { block, fields } of SEQUENCES[5]![2]) {
      out.length = 0;
      encoder.encode(fieldsOf(fields), out);
      expect(Buffer.from(out.view()).toString("hex")).toBe(hex(block).toString("hex"));
    }
    expect(encoder.tableBytes).toBe(164);
  });

  it("C.6 strings come out octet for octet", () => {
    const strings: readonly Pair[] = [
      ["302", "6402"],
      ["private", "aec3771a4b"],
      ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
      ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
      ["gzip", "9bd9ab"],
      [
        "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ],
    ];
    for (const [text, coded] of strings) {
      const bytes = Buffer.alloc(text.length * 4);
      expect(bytes.subarray(0, writeHuffman(text, bytes, 0)).toString("hex")).toBe(coded);
    }
  });
});
