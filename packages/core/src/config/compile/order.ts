/** What the filters of a chain declare of their neighbours: order, phases, and metadata that one provides and another requires. */
import { type DefinitionBase, PHASES } from "@sluice/sdk";
import type { CompileContext, Field } from "./context.ts";

/** A filter in its place, with what it declares. */
export interface PlacedFilter {
  /** Its name in the chain. */
  readonly name: string;
  readonly definition: DefinitionBase;
  readonly at: Field;
}

/** `filters` in configuration order, which is the order of requests. `isWhole`: none is missing because it was wrong itself. */
export function checkOrder(context: CompileContext, filters: readonly PlacedFilter[], isWhole: boolean): void {
  for (const [index, filter] of filters.entries()) {
    const earlier = filters.slice(0, index);
    checkNeighbours(context, filter, earlier);
    checkPhase(context, filter, earlier);
    checkMetadata(context, filter, earlier, filters.slice(index + 1), isWhole);
  }
}

function checkNeighbours(context: CompileContext, filter: PlacedFilter, earlier: readonly PlacedFilter[]): void {
  const { definition, name, at } = filter;
  for (const other of earlier) {
    const says = definition.before?.includes(other.definition.id)
      ? `"${name}" has to stand before it`
      : other.definition.after?.includes(definition.id)
        ? `"${other.name}" has to stand after it`
        : undefined;
    if (says === undefined) continue;
    const message = `the filter "${name}" stands behind "${other.name}", and ${says}`;
    context.error(at, "ERR_CONFIG_ORDER", message, { expected: `"${name}" in front of "${other.name}"` });
  }
}

function checkPhase(
  context: CompileContext,
  { definition, name, at }: PlacedFilter,
  earlier: readonly PlacedFilter[],
): void {
  const { phase } = definition;
  if (phase === undefined) return;
  const later = earlier.find(
    (other) => other.definition.phase !== undefined && rank(other.definition.phase) > rank(phase),
  );
  if (later === undefined) return;
  context.error(
    at,
    "ERR_CONFIG_ORDER",
    `the filter "${name}" of the phase ${phase} stands behind "${later.name}" of the phase ${later.definition.phase}`,
    { expected: `the phases in the order ${PHASES.join(", ")}` },
  );
}

function rank(phase: (typeof PHASES)[number]): number {
  return PHASES.indexOf(phase);
}

function checkMetadata(
  context: CompileContext,
  { definition, name, at }: PlacedFilter,
  earlier: readonly PlacedFilter[],
  later: readonly PlacedFilter[],
  isWhole: boolean,
): void {
  for (const { namespace } of definition.requires ?? []) {
    const provides = (other: PlacedFilter) => other.definition.provides?.some((key) => key.namespace === namespace);
    if (earlier.some(provides)) continue;
    const behind = later.find(provides);
    // A filter that is missing because it was wrong may be the provider.
    if (behind === undefined && !isWhole) continue;
    const [message, expected] =
      behind === undefined
        ? [
            `the filter "${name}" requires the metadata "${namespace}", which no filter of its chain provides`,
            provider(context, namespace),
          ]
        : [
            `the filter "${name}" requires the metadata "${namespace}", which "${behind.name}" provides behind it`,
            `"${behind.name}" in front of "${name}"`,
          ];
    context.error(at, "ERR_CONFIG_ORDER", message, { expected });
  }
}

/** Loaded filters that would do. */
function provider(context: CompileContext, namespace: string): string {
  const ids = context.registry
    .all()
    .filter(({ definition }) => (definition as DefinitionBase).provides?.some((key) => key.namespace === namespace))
    .map(({ definition }) => definition.id);
  return ids.length === 0
    ? `a filter in front of it that provides "${namespace}"`
    : `${ids.join(" or ")} in front of it`;
}
