import { expect, test } from "vitest";
import { HeaderField } from "../http/headers/field.ts";
import { ResponseHeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { REDACTED } from "./fixture.ts";
import { StreamRecord } from "./stream-record.ts";

const stream = {
  connection: { directRemote: { ip: "127.0.0.1", port: 1 }, tls: null },
  protocol: "HTTP/1.1",
  startTimeMs: 0,
  startMs: 0,
  details: "",
  flags: [],
  manager: { clock: { now: () => 5 } },
} as unknown as HttpStream;

const recordOf = (maxBytes: number, maxFrames: number) =>
  new StreamRecord(stream, { maxBytes, maxFrames }, new Set(["cookie"]));
const bytes = (length: number) => new Uint8Array(length).fill(0x61);
const hints = (value: string) => new ResponseHeaderMap(103, [new HeaderField("link", value)]);

test("bytes beyond their limit are counted, and left out", () => {
  const record = recordOf(5, 10);
  record.data("from_client", bytes(3), false);
  record.data("from_client", bytes(4), true);
  expect(record.toStream(true)).toMatchObject({
    cut: true,
    from_client: [
      { data: "YWFh", end: false },
      { data: "YWE=", cut: 2, end: true },
    ],
  });
});

test("frames beyond their limit are left out, however small", () => {
  const record = recordOf(1000, 3);
  for (let i = 0; i < 10; i++) record.data("to_client", bytes(1), false);
  const { cut, to_client } = record.toStream(false);
  expect([cut, to_client.length]).toEqual([true, 3]);
});

test("headers that are sent again and again are left out at some point", () => {
  const record = recordOf(1000, 10_000);
  for (let i = 0; i < 1000; i++)
    record.response("from_upstream", "informational", 103, hints("x".repeat(10_000)), false);
  const { cut, from_upstream } = record.toStream(false);
  expect(cut).toBe(true);
  expect(from_upstream.length).toBeLessThan(30);
});

test("after its end it grows no more", () => {
  const record = recordOf(1000, 10);
  record.data("to_client", bytes(1), false);
  record.end();
  record.data("to_client", bytes(1), true);
  record.response("to_client", "informational", 103, hints("a"), false);
  expect(record.toStream(false)).toMatchObject({ cut: true, to_client: [{ kind: "data" }] });
});

test("values of secret headers are left out", () => {
  const record = recordOf(10, 10);
  record.response("to_client", "response", 200, new ResponseHeaderMap(200, [new HeaderField("cookie", "a=1")]), true);
  expect(record.toStream(true).to_client).toMatchObject([{ headers: [["cookie", REDACTED]] }]);
});
