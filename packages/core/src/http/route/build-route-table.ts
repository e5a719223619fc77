/** From the model of a route configuration to its table. Large ones are built in slices, so that traffic goes on between them. */
import type { MatchInputModel } from "../../config/match-model.ts";
import type { RouteConfigModel, VirtualHostModel } from "../../config/model.ts";
import { hostsOf } from "../../config/packed-routes.ts";
import { atOnce, inSlices } from "../../timing/slices.ts";
import type { Clock } from "../../timing/clock.ts";
import { matchTreeSteps } from "../../matching/tree/build-tree.ts";
import { StandardInput } from "../../matching/tree/match-input.ts";
import type { MatchTree } from "../../matching/tree/match-tree.ts";
import { EntryBuilder } from "./entry-builder.ts";
import type { RouteRuntime } from "./rare-conditions.ts";
import { RouteIndex } from "./route-index.ts";
import type { RouteQuestion } from "./route-question.ts";
import { CompiledHost, CompiledRoute, CompiledRouteTable, LINEAR_UP_TO, RouteSection } from "./route-table.ts";
import type { ExplainingRouteTable, RouteFilter } from "./types.ts";
import { VirtualHostIndex } from "./virtual-hosts.ts";

/** @throws Error where a filter refuses its configuration or a pattern is not legal; the configuration was checked before. */
export function buildRouteTable(
  model: RouteConfigModel,
  filters: readonly RouteFilter[],
  runtime: RouteRuntime | null = null,
): ExplainingRouteTable {
  return atOnce(tableSteps(model, filters, runtime));
}

/** The same, a few milliseconds at a time. Rejects where {@link buildRouteTable} throws. */
export function buildRouteTableInSlices(
  model: RouteConfigModel,
  filters: readonly RouteFilter[],
  runtime: RouteRuntime | null,
  clock: Pick<Clock, "now">,
): Promise<ExplainingRouteTable> {
  return inSlices(tableSteps(model, filters, runtime), clock);
}

/** After each step, which is at most one route or one slice of bytes long, others may run. */
function* tableSteps(
  model: RouteConfigModel,
  filters: readonly RouteFilter[],
  runtime: RouteRuntime | null,
): Generator<undefined, ExplainingRouteTable> {
  const builder = new EntryBuilder(model, filters, runtime);
  const index = new VirtualHostIndex<CompiledHost>();
  let number = 0;
  for (const host of hostsOf(model)) {
    yield;
    if (host === null) continue;
    const section = yield* sectionSteps(host, builder, runtime);
    const matcher = host.matcher === null ? null : yield* hostMatcher(host, host.matcher, section, runtime);
    const made = new CompiledHost(
      number++,
      section,
      matcher,
      builder.toHttps(host),
      host.requireTls === "external_only",
    );
    for (const domain of host.domains) index.add(domain, made);
  }
  index.finish();
  return new CompiledRouteTable(index, model.ignorePortInHostMatching, builder.usesDisabled);
}

function* sectionSteps(
  host: VirtualHostModel,
  builder: EntryBuilder,
  runtime: RouteRuntime | null,
): Generator<undefined, RouteSection> {
  const section = new RouteSection(0);
  // With a matcher nobody asks all of them in a row.
  const index = host.matcher === null && host.routes.length > LINEAR_UP_TO ? new RouteIndex() : null;
  for (const [number, route] of host.routes.entries()) {
    yield;
    section.routes.push(new CompiledRoute(route.match, builder.choiceOf(host, route, number), runtime));
    index?.add(number, route.match);
  }
  if (index !== null) yield* index.finishing();
  section.index = index;
  return section;
}

function hostMatcher(
  host: VirtualHostModel,
  model: NonNullable<VirtualHostModel["matcher"]>,
  all: RouteSection,
  runtime: RouteRuntime | null,
): Generator<undefined, MatchTree<RouteQuestion, RouteSection>> {
  const parts = { input: (input: MatchInputModel) => new StandardInput(input), runtime };
  return matchTreeSteps(model, parts, function* ({ first, count }) {
    const section = new RouteSection(first);
    const index = count > LINEAR_UP_TO ? new RouteIndex() : null;
    for (let i = 0; i < count; i++) {
      yield;
      section.routes.push(all.routes[first + i]!);
      index?.add(i, host.routes[first + i]!.match);
    }
    if (index !== null) yield* index.finishing();
    section.index = index;
    return section;
  });
}
