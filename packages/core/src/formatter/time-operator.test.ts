import { describe, expect, it, test } from "vitest";
import { formatContext } from "../../../../test/support/format-context.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { LOG_FORMAT, compileFormat } from "./format.ts";

const WEDNESDAY = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

function rendered(format: string, startTimeMs = WEDNESDAY): string {
  const compiled = compileFormat(`%START_TIME${format === "" ? "" : `(${format})`}%`, LOG_FORMAT);
  if (compiled instanceof MatchProblem) throw new Error(compiled.message);
  return compiled.render(formatContext({ startTimeMs }));
}

describe("START_TIME", () => {
  test.each([
    ["", "2026-03-04T05:06:07.089Z"],
    ["%Y/%m/%dT%H:%M:%S%z %s", "2026/03/04T05:06:07+0000 1772600767"],
    ["%s.%3f", "1772600767.089"],
    ["%f %1f %6f %9f", "089000000 0 089000 089000000"],
    ["%E3S %E6f %Ez", "07.089 089000 +00:00"],
    ["%a %A %b %h %B", "Wed Wednesday Mar Mar March"],
    ["%c", "Wed Mar  4 05:06:07 2026"],
    ["%C %y %e %j", "20 26  4 063"],
    ["%D %x %F", "03/04/26 03/04/26 2026-03-04"],
    ["%I %l %k %p %P %r %R %T %X", "05  5  5 AM am 05:06:07 AM 05:06 05:06:07 05:06:07"],
    ["%u %w %U %W %V %G %g", "3 3 09 09 10 2026 26"],
    ["%Z %t| %%", "UTC \\t| %"],
    ["plain", "plain"],
  ])("%s is %s", (format, expected) => {
    expect(rendered(format)).toBe(expected);
  });

  test.each([
    ["midnight", Date.UTC(2026, 0, 1), "12 AM 001 00 00 01 2026"],
    ["noon on a Sunday", Date.UTC(2023, 0, 1, 12), "12 PM 001 01 00 52 2022"],
    ["the last day of a leap year", Date.UTC(2024, 11, 31, 23), "11 PM 366 52 53 01 2025"],
  ])("week numbers and hours: %s", (_name, at, expected) => {
    expect(rendered("%I %p %j %U %W %V %G", at)).toBe(expected);
  });

  it("renders a second once, and the next one anew", () => {
    const compiled = compileFormat("%START_TIME(%T)%", LOG_FORMAT) as { render(c: unknown): string };
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY }))).toBe("05:06:07");
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY + 900 }))).toBe("05:06:07");
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY + 911 }))).toBe("05:06:08");
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY }))).toBe("05:06:07");
  });

  it("renders every millisecond anew where the format shows it", () => {
    const compiled = compileFormat("%START_TIME%", LOG_FORMAT) as { render(c: unknown): string };
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY }))).toMatch(/07\.089Z$/);
    expect(compiled.render(formatContext({ startTimeMs: WEDNESDAY + 1 }))).toMatch(/07\.090Z$/);
  });
});

describe("the others", () => {
  it("EMIT_TIME is when the stream ended", () => {
    const compiled = compileFormat("%EMIT_TIME(%S.%3f)%", LOG_FORMAT) as { render(c: unknown): string };
    expect(compiled.render(formatContext({ startMs: 1000, endMs: 3500 }))).toBe("09.589");
  });

  it("START_TIME_LOCAL says its distance from UTC", () => {
    const compiled = compileFormat("%START_TIME_LOCAL%", LOG_FORMAT) as { render(c: unknown): string };
    const text = compiled.render(formatContext());
    expect(text).toMatch(/^2026-03-0\dT\d\d:\d\d:07\.089[+-]\d{4}$/);
    expect(new Date(text.replace(/(\d\d)(\d\d)$/, "$1:$2")).getTime()).toBe(WEDNESDAY);
  });
});
