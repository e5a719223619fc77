/** Renders results as Markdown: the same tables on the terminal and in docs/benchmarks.md. */
import type { CaseResult, HttpRow, IdleRow, LatencyRow, MemoryRow, Row, StartRow, TcpRow } from "./context.ts";
import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";
import type { Verdict } from "./targets.ts";

export interface Report {
  madeAt: string;
  machine: Machine;
  /** The command's options that shaped the run. */
  rounds: number;
  seconds: number;
  versions: Record<string, string>;
  results: CaseResult[];
  verdicts: Verdict[];
}

export function renderReport(report: Report): string {
  const parts = [renderHow(report), ...report.results.map((result) => renderCase(result))];
  if (report.verdicts.length > 0) parts.push(renderVerdicts(report.verdicts));
  return parts.join("\n\n");
}

function renderHow({ machine, rounds, seconds, versions, madeAt }: Report): string {
  const programs = Object.entries(versions).map(([id, version]) => `${id} ${version}`.trim());
  return [
    `Made ${madeAt.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}.`,
    `Loads: ${rounds} rounds of ${seconds} s each after a warm-up of ${seconds} s, the order of the proxies reversed every second round.`,
    `Versions: ${programs.join(", ")}.`,
  ].join("\n");
}

function renderCase(result: CaseResult): string {
  const lines = [`### ${result.id}`, "", `${result.title}.`, ""];
  if (result.rows.length > 0) lines.push(renderRows(result.rows));
  for (const { peer, reason, isFailure } of result.absent) {
    lines.push("", `${isFailure ? "FAILED" : "Skipped"}: ${peer}: ${reason}`);
  }
  return lines.join("\n");
}

function renderRows(rows: readonly Row[]): string {
  switch (rows[0]?.kind) {
    case "http":
      return renderHttp(rows as HttpRow[]);
    case "latency":
      return renderLatency(rows as LatencyRow[]);
    case "tcp":
      return renderTcp(rows as TcpRow[]);
    case "start":
      return table(
        ["", "ms (min – max)"],
        (rows as StartRow[]).map((row) => [row.title, withRange(row.firstAnswerMs, 0)]),
      );
    case "memory":
      return table(
        ["", "resident MB"],
        (rows as MemoryRow[]).map((row) => [row.title, megabytes(row.residentBytes)]),
      );
    default:
      return renderIdle(rows as IdleRow[]);
  }
}

function renderHttp(rows: HttpRow[]): string {
  const haproxy = rows.find((row) => row.peer === "haproxy")?.cpuUs.median;
  const nghttpx = rows.find((row) => row.peer === "nghttpx")?.cpuUs.median;
  const times = (row: HttpRow, other: number | undefined): string =>
    other === undefined ? "–" : (row.cpuUs.median / other).toFixed(2);
  return table(
    [
      "",
      "CPU µs / request (min – max)",
      "user",
      "system",
      "× HAProxy",
      "× nghttpx",
      "requests / s",
      "p50 ms",
      "p99 ms",
      "RSS MB idle",
      "loaded",
    ],
    rows.map((row) =>
      row.errors === ""
        ? [
            row.title,
            withRange(row.cpuUs, 1),
            row.userUs.toFixed(1),
            row.systemUs.toFixed(1),
            times(row, haproxy),
            times(row, nghttpx),
            String(Math.round(row.requestsPerSecond.median)),
            (row.p50Us / 1000).toFixed(2),
            (row.p99Us / 1000).toFixed(2),
            megabytes(row.idleBytes),
            megabytes(row.residentBytes),
          ]
        : [row.title, `VOID: ${row.errors}`],
    ),
  );
}

function renderLatency(rows: LatencyRow[]): string {
  return table(
    ["", "requests / s", "p50 ms (min – max)", "p99 ms (min – max)"],
    rows.map((row) =>
      row.errors === ""
        ? [row.title, row.requestsPerSecond.toFixed(0), milliseconds(row.p50Us), milliseconds(row.p99Us)]
        : [row.title, `VOID: ${row.errors}`],
    ),
  );
}

function milliseconds({ median, min, max }: Spread): string {
  return withRange({ median: median / 1000, min: min / 1000, max: max / 1000 }, 2);
}

function renderTcp(rows: TcpRow[]): string {
  const pipe = rows.find((row) => row.peer === "pipe")?.cpuUsPerMb.median;
  return table(
    ["", "CPU µs / MB (min – max)", "user", "system", "× bare pipe", "MB / s", "RSS MB"],
    rows.map((row) =>
      row.errors === ""
        ? [
            row.title,
            withRange(row.cpuUsPerMb, 0),
            row.userUs.toFixed(0),
            row.systemUs.toFixed(0),
            pipe === undefined ? "–" : (row.cpuUsPerMb.median / pipe).toFixed(2),
            row.mbPerSecond.median.toFixed(0),
            megabytes(row.residentBytes),
          ]
        : [row.title, `VOID: ${row.errors}`],
    ),
  );
}

function renderIdle(rows: IdleRow[]): string {
  return table(
    ["", "KB / connection", "RSS MB before", "after"],
    rows.map((row) =>
      row.errors === ""
        ? [row.title, (row.bytesPerConnection / 1024).toFixed(1), megabytes(row.beforeBytes), megabytes(row.afterBytes)]
        : [row.title, `VOID: ${row.errors}`],
    ),
  );
}

function renderVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((one) => {
    const digits = one.unit === "×" ? 2 : 1;
    return [
      one.caseId,
      one.text,
      `${one.measured.toFixed(digits)} ${one.unit}`,
      `≤ ${one.limit} ${one.unit}`,
      one.isMet ? "met" : "MISSED",
    ];
  });
  return `### Targets\n\n${table(["case", "what", "measured", "target", ""], rows)}`;
}

function withRange(value: Spread, digits: number): string {
  return `${value.median.toFixed(digits)} (${value.min.toFixed(digits)} – ${value.max.toFixed(digits)})`;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** A Markdown table whose columns are padded, so that it reads well as plain text too. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]): string =>
    `| ${head.map((_, i) => (cells[i] ?? "").padEnd(widths[i] as number)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}
