import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  facts,
  forward,
  headerMatch,
  request,
  route,
  routeMatch,
  tableOf,
  text,
  weighted,
} from "../../../../../test/support/route-model.ts";
import type { RouteMatchModel, RouteModel } from "../../config/model.ts";
import type { ForwardEntry } from "./forward-entry.ts";
import { RouteIndex } from "./route-index.ts";
import { RouteMatch } from "./route-match.ts";
import { RouteQuestion } from "./route-question.ts";

type Path = RouteMatchModel["path"];

const prefix = (value: string): Path => ({ kind: "prefix", value });
const exact = (value: string): Path => ({ kind: "exact", value });

/** Routes that the index names for a path, in the order in which it names them. */
function candidates(paths: readonly (Path | Partial<RouteMatchModel>)[], path: string): number[] {
  const index = new RouteIndex();
  for (const [i, one] of paths.entries()) index.add(i, routeMatch("kind" in one ? { path: one as Path } : one));
  index.finish();
  const question = new RouteQuestion();
  question.ask(request({ path }), facts());
  index.begin(question);
  const found: number[] = [];
  for (let i = index.next(); i >= 0; i = index.next()) found.push(i);
  return found;
}

describe("candidates", () => {
  test("come in the order of the routes, whatever finds them", () => {
    const paths = [
      prefix("/a/b"),
      exact("/a/b/c"),
      prefix("/"),
      { kind: "regex", value: "/a/.*" } as Path,
      prefix("/a"),
    ];
    expect(candidates(paths, "/a/b/c")).toEqual([0, 1, 2, 3, 4]);
    expect(candidates(paths, "/a/c?/a/b/c")).toEqual([2, 3, 4]);
    expect(candidates(paths, "/b")).toEqual([2]);
  });

  test("ignore case where a route does", () => {
    const paths = [
      { path: prefix("/A"), caseSensitive: false },
      { path: exact("/a/B"), caseSensitive: false },
      { path: exact("/a/B") },
    ];
    expect(candidates(paths, "/A/b")).toEqual([0, 1]);
    expect(candidates(paths, "/a/B")).toEqual([0, 1, 2]);
  });

  test("of many prefixes inside one another are merged", () => {
    const paths = Array.from({ length: 40 }, (_, i) => prefix(`/${"a".repeat(40 - i)}`));
    expect(candidates(paths, `/${"a".repeat(40)}`)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test("are few, however many routes there are", () => {
    const paths = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? exact(`/x/${i}`) : prefix(`/y/${i}/`)));
    expect(candidates(paths, "/x/500")).toEqual([500]);
    expect(candidates(paths, "/y/501/z")).toEqual([501]);
    expect(candidates(paths, "/z")).toEqual([]);
  });
});

test("the table's answer is that of asking one route after the other", () => {
  const value = fc
    .array(fc.constantFrom("/", "a", "b", "A", "/a", ".x"), { maxLength: 4 })
    .map((all) => `/${all.join("")}`);
  const path: fc.Arbitrary<Path> = fc.oneof(
    fc.record({ kind: fc.constantFrom("prefix" as const, "exact" as const, "separated_prefix" as const), value }),
    fc.record({
      kind: fc.constant("regex" as const),
      value: fc.constantFrom("/a.*", "/[ab]/?", "/.*", "/a/b|/b", "(?i)/a", "/aa?", "[/a]+"),
    }),
    fc.record({
      kind: fc.constant("template" as const),
      value: fc.constantFrom("/a/*", "/{x=**}", "/a/{x}/b", "/*.x"),
    }),
    fc.constant({ kind: "connect" as const }),
    fc.constant(prefix("")),
  );
  const model = fc.record({
    path,
    caseSensitive: fc.boolean(),
    headers: fc.constantFrom([], [headerMatch("x", { kind: "string", matcher: text("exact", "1") })]),
  });
  const asked = fc.record({
    path: value,
    method: fc.constantFrom("GET", "GET", "GET", "CONNECT"),
    headers: fc.constantFrom([], [["x", "1"]] as const),
  });
  const tables = fc.array(model, { minLength: 9, maxLength: 40 });
  let matches = 0;
  fc.assert(
    fc.property(tables, fc.array(asked, { minLength: 1, maxLength: 8 }), (models, questions) => {
      const routes: RouteModel[] = models.map((one, i) =>
        route({ name: `r${i}`, match: routeMatch(one), action: forward({ clusters: [weighted(`c${i}`)] }) }),
      );
      const table = tableOf(routes);
      const linear = routes.map((one) => new RouteMatch(one.match, null));
      const question = new RouteQuestion();
      for (const changes of questions) {
        const headers = request(changes);
        question.ask(headers, facts());
        const expected = linear.findIndex((match) => match.holds(question));
        if (expected >= 0) matches++;
        expect((table.match(headers, facts()) as ForwardEntry | null)?.clusterName).toBe(
          expected < 0 ? undefined : `c${expected}`,
        );
      }
    }),
    { numRuns: 500 },
  );
  expect(matches).toBeGreaterThan(500);
});
