import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { field, HeaderMap } from "../../http/headers/header-map.ts";
import { LoadReport, readLoadReport } from "./load-report.ts";

const WANTED = new Set(["named_metrics.queue", "mem_utilization", "utilization.disk"]);

function read(value: string, name = "endpoint-load-metrics") {
  const report = new LoadReport(WANTED);
  const outcome = readLoadReport(new HeaderMap([field(name, value)]), report);
  const { application, cpu, memory, errorsPerSecond, requestsPerSecond, highest } = report;
  return { outcome, application, cpu, memory, errorsPerSecond, requestsPerSecond, highest };
}

const WHOLE = {
  outcome: "read",
  application: 0.8,
  cpu: 0.7,
  memory: 0.9,
  errorsPerSecond: 2,
  requestsPerSecond: 1000,
  highest: 123,
};

// ---- protobuf, as any encoder writes it --------------------------------------------------------------------------------------------------------

const double = (number: number, value: number): number[] => [(number << 3) | 1, ...doubleBytes(value)];
const bytes = (number: number, content: readonly number[]): number[] => [(number << 3) | 2, content.length, ...content];
const entry = (number: number, name: string, value: number): number[] =>
  bytes(number, [...bytes(1, [...Buffer.from(name)]), ...double(2, value)]);

function doubleBytes(value: number): number[] {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return [...buffer];
}

const base64 = (content: readonly number[]): string => Buffer.from(content).toString("base64");
const whole = [
  ...double(1, 0.7),
  ...double(2, 0.9),
  // rps, which is deprecated: a varint.
  24,
  0xe8,
  0x07,
  ...entry(4, "db", 3),
  ...entry(5, "disk", 0.5),
  ...double(6, 1000),
  ...double(7, 2),
  ...entry(8, "queue", 123),
  ...entry(8, "other", 5000),
  ...double(9, 0.8),
];

describe("a report", () => {
  test.each([
    [
      "text",
      "TEXT cpu_utilization=0.7,application_utilization=0.8, mem_utilization=0.9,rps_fractional=1e3,eps=2,named_metrics.queue=123,named_metrics.x=9999",
    ],
    [
      "text with colons",
      "TEXT cpu_utilization:0.7,application_utilization:0.8,mem_utilization:0.9,rps_fractional:1000,eps:2,named_metrics.queue:123,utilization.disk:0.5",
    ],
    [
      "JSON",
      'JSON {"cpu_utilization":0.7,"applicationUtilization":"0.8","memUtilization":0.9,"rpsFractional":1000,"eps":2,"namedMetrics":{"queue":123,"x":9999},"newer":{"a":[]},"requestCost":null}',
    ],
    ["binary behind its word", `BIN ${base64(whole)}`],
  ])("as %s is read", (_title, value) => {
    expect(read(value)).toEqual(WHOLE);
  });

  it("in gRPC's header is read, with or without padding, before the other", () => {
    expect(read(base64(whole), "endpoint-load-metrics-bin")).toEqual(WHOLE);
    expect(read(base64(whole).replace(/=+$/, ""), "endpoint-load-metrics-bin")).toEqual(WHOLE);
    const both = new HeaderMap([
      field("endpoint-load-metrics", "TEXT eps=7"),
      field("endpoint-load-metrics-bin", base64(double(7, 2))),
    ]);
    const report = new LoadReport(WANTED);
    expect(readLoadReport(both, report)).toBe("read");
    expect(report.errorsPerSecond).toBe(2);
  });

  it("of nothing at all is one", () => {
    for (const value of ["TEXT  ,", "JSON {}"]) expect(read(`${value}`).outcome).toBe("read");
    expect(read("", "endpoint-load-metrics-bin").outcome).toBe("read");
    expect(read("x", "other").outcome).toBe("none");
  });

  it("leaves nothing of the one before", () => {
    const report = new LoadReport(WANTED);
    readLoadReport(new HeaderMap([field("endpoint-load-metrics", "TEXT eps=7,named_metrics.queue=9")]), report);
    readLoadReport(new HeaderMap([field("endpoint-load-metrics", "TEXT cpu_utilization=1")]), report);
    expect([report.errorsPerSecond, report.highest, report.cpu]).toEqual([0, 0, 1]);
  });
});

describe("what is no report", () => {
  test.each([
    ["no form", "cpu_utilization=1"],
    ["another form", "XML <a/>"],
    ["an empty header", ""],
    ["no number", 'TEXT cpu_utilization="0.7"'],
    ["no value", "TEXT cpu_utilization="],
    ["a name alone", "TEXT cpu_utilization"],
    ["NaN", "TEXT cpu_utilization=NaN"],
    ["infinity", "TEXT cpu_utilization=inf"],
    ["more than a double holds", "TEXT cpu_utilization=1e999"],
    ["a metric twice", "TEXT eps=1,eps=2"],
    ["another metric", "TEXT swap=1"],
    ["a map without a key", "TEXT named_metrics.=1"],
    ["no JSON", "JSON {"],
    ["a list", "JSON []"],
    ["a text for a number", 'JSON {"eps":"many"}'],
    ["a number for a map", 'JSON {"namedMetrics":5}'],
    ["NaN in JSON", 'JSON {"eps":"NaN"}'],
    ["no base64", "BIN ???"],
    ["cut bytes", `BIN ${base64(whole.slice(0, -3))}`],
    ["a field without a number", `BIN ${base64([1, 0, 0, 0, 0, 0, 0, 0, 0])}`],
    ["a group", `BIN ${base64([0x53, 0x54])}`],
    ["NaN in binary", `BIN ${base64(double(1, NaN))}`],
    ["an entry without a key", `BIN ${base64(bytes(8, double(2, 1)))}`],
    ["an entry longer than the report", `BIN ${base64([0x42, 0x7f, 0x0a])}`],
    ["a key longer than its entry", `BIN ${base64([0x42, 3, 0x0a, 9, 0x61, 0x61, 0x61, 0x61])}`],
    ["a length without end", `BIN ${base64([0x42, 0xff, 0xff, 0xff, 0xff, 0xff])}`],
    ["too much", `TEXT ${Array.from({ length: 2000 }, (_, i) => `named_metrics.${i}=1`).join()}`],
  ])("%s", (_title, value) => {
    expect(read(value).outcome).toBe("wrong");
  });

  it("takes no longer than its length, whatever its numbers are", () => {
    const digits = "1".repeat(8000);
    // Each would take a tenth of a second if it were read in every way that it can be divided.
    for (let i = 0; i < 300; i++) {
      expect(read(`TEXT eps=${digits}x`).outcome).toBe("wrong");
      expect(read(`JSON {"eps": "${digits}x"}`).outcome).toBe("wrong");
    }
  });

  it("never harms, whatever bytes they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (content) => {
        const { outcome } = read(Buffer.from(content).toString("base64"), "endpoint-load-metrics-bin");
        expect(["read", "wrong"]).toContain(outcome);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom("TEXT ", "JSON ", "BIN "), fc.string(), (form, text) => {
        expect(["read", "wrong"]).toContain(read(form + text).outcome);
      }),
    );
  });
});
