import { describe, expect, it } from "vitest";
import { checksumOf, Checksum } from "../origin/checksum.ts";
import type { CaseResult, HttpRow } from "./context.ts";
import { renderReport, type Report } from "./report.ts";
import { orderOf } from "./started.ts";
import { median, spread } from "./statistics.ts";
import { judge } from "./targets.ts";
import { readH2Load } from "./h2load.ts";
import { readSummary } from "./wrk.ts";

const SUMMARY = { requests: 1000, durationUs: 500_000, p50Us: 300, p99Us: 900 };
const NO_ERRORS = { connect: 0, read: 0, write: 0, status: 0, timeout: 0 };

function httpRow(peer: string, cpuUs: number, errors = ""): HttpRow {
  return {
    kind: "http",
    peer,
    title: peer,
    isNodePeer: peer === "undici" || peer === "httpxy",
    cpuUs: spread([cpuUs]),
    userUs: cpuUs / 2,
    systemUs: cpuUs / 2,
    requestsPerSecond: spread([1]),
    p50Us: 1,
    p99Us: 1,
    idleBytes: 2 ** 20,
    residentBytes: 2 ** 20,
    errors,
  };
}

function get70(rows: HttpRow[]): CaseResult {
  return {
    id: "get70-c32",
    title: "GET",
    rows,
    absent: [{ peer: "nginx", reason: "not installed", isFailure: false }],
  };
}

describe("the benchmark's arithmetic", () => {
  it("takes medians of odd and even counts", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });

  it("reverses the order of every second round", () => {
    expect(orderOf(["a", "b", "c"], 0)).toEqual(["a", "b", "c"]);
    expect(orderOf(["a", "b", "c"], 1)).toEqual(["c", "b", "a"]);
  });

  it("reads what wrk's script prints, and voids a run with errors", () => {
    const clean = readSummary(`Running\n\nSUMMARY ${JSON.stringify({ ...SUMMARY, ...NO_ERRORS })}\n`);
    expect(clean).toEqual({ requests: 1000, requestsPerSecond: 2000, p50Us: 300, p99Us: 900, errors: "" });
    const bad = readSummary(`SUMMARY ${JSON.stringify({ ...SUMMARY, ...NO_ERRORS, status: 2, timeout: 1 })}\n`);
    expect(bad.errors).toBe("2 status, 1 timeout");
    expect(() => readSummary("unable to connect")).toThrow("no summary");
  });

  it("reads what h2load prints and its log, and voids a run with errors", () => {
    const output = (failed: number, bad: number): string =>
      [
        `requests: 5 total, 9 started, 5 done, ${5 - failed} succeeded, ${failed} failed, 0 errored, 0 timeout`,
        `status codes: ${5 - failed - bad} 2xx, 0 3xx, ${bad} 4xx, 0 5xx`,
      ].join("\n");
    const log = "1\t200\t50\n2\t200\t10\n3\t200\t9000\n4\t200\t40\n5\t200\t20\n";
    expect(readH2Load(output(0, 0), log, 2)).toEqual({
      requests: 5,
      requestsPerSecond: 2.5,
      p50Us: 40,
      p99Us: 50,
      errors: "",
    });
    expect(readH2Load(output(1, 2), log, 2)).toMatchObject({ requests: 2, errors: "1 failed, 2 status" });
    expect(readH2Load(output(0, 5), log, 2).errors).toBe("5 status, no request was answered");
    expect(() => readH2Load("connection refused", "", 2)).toThrow("no summary");
  });

  it("judges HTTP/2 against the peer that each target names, and latency against no proxy's", () => {
    const spread1 = (ms: number) => spread([ms * 1000]);
    const results: CaseResult[] = [
      {
        id: "h2-headers",
        title: "",
        rows: [httpRow("sluice", 9), httpRow("nghttpx", 8), httpRow("haproxy", 4)],
        absent: [],
      },
      {
        id: "grpc-latency",
        title: "",
        rows: [
          {
            kind: "latency",
            peer: "direct",
            title: "no proxy",
            requestsPerSecond: 1,
            p50Us: spread1(1),
            p99Us: spread1(2),
            errors: "",
          },
          {
            kind: "latency",
            peer: "sluice",
            title: "Sluice",
            requestsPerSecond: 1,
            p50Us: spread1(1),
            p99Us: spread1(3.5),
            errors: "",
          },
        ],
        absent: [],
      },
    ];
    expect(judge(results).map((one) => [one.caseId, one.measured, one.unit, one.isMet])).toEqual([
      ["h2-headers", 1.125, "×", true],
      ["grpc-latency", 1.5, "ms", false],
    ]);
  });

  it("sees lost and swapped blocks by the checksum, whatever the chunks", () => {
    const data = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 255));
    const split = new Checksum();
    for (let at = 0; at < data.length; at += 37) split.add(data.subarray(at, at + 37));
    expect(split.toString()).toBe(checksumOf(data));
    const swapped = Buffer.concat([data.subarray(128, 256), data.subarray(0, 128), data.subarray(256)]);
    expect(checksumOf(swapped)).not.toBe(checksumOf(data));
    expect(checksumOf(data.subarray(1))).not.toBe(checksumOf(data));
  });

  it("judges ratios against the cheapest Node peer, and only what was measured without errors", () => {
    const rows = [httpRow("sluice", 21), httpRow("haproxy", 15), httpRow("undici", 40), httpRow("httpxy", 60)];
    const verdicts = judge([get70([...rows, httpRow("floor", 10, "3 read")])]);
    expect(verdicts.map((one) => [one.text, one.measured, one.isMet])).toEqual([
      ["CPU a request against HAProxy", 1.4, true],
      ["CPU a request against the best Node peer", 0.525, true],
    ]);
    expect(judge([get70([httpRow("sluice", 24), httpRow("haproxy", 15)])])[0]?.isMet).toBe(false);
    expect(judge([])).toEqual([]);
  });

  it("shows void rows, skipped peers and missed targets in the report", () => {
    const results = [get70([httpRow("sluice", 24), httpRow("haproxy", 15), httpRow("floor", 10, "3 read")])];
    const machine = { cpu: "test", cores: 2, memoryGb: 4, kernel: "6", node: "24", openFiles: 1024 };
    const report: Report = {
      madeAt: "2026-01-01T00:00:00Z",
      machine,
      rounds: 3,
      seconds: 2,
      versions: { haproxy: "2.6" },
      results,
      verdicts: judge(results),
    };
    const text = renderReport(report);
    expect(text).toContain("VOID: 3 read");
    expect(text).toContain("Skipped: nginx: not installed");
    expect(text).toMatch(/CPU a request against HAProxy\s*\| 1\.60 ×\s*\| ≤ 1\.5 ×\s*\| MISSED/);
  });
});
