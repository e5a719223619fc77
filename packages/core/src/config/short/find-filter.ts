/** Which filter a name means: an id, the last part of one, or an entry of `extensions`. */
import type { DefinitionKind } from "@sluice/sdk";
import type { Registered } from "../../registry/registry.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { ShortContext } from "./short-context.ts";

export interface FoundFilter {
  readonly id: string;
  readonly writtenAs: string;
  /** The message that configures it, and the one that does so on routes, where it is configured by messages. */
  readonly message: string | undefined;
  readonly routeMessage: string | undefined;
}

/** undefined where there is none or more than one, which is told at `container[key]`. */
export function findFilter(
  context: ShortContext,
  kind: DefinitionKind,
  name: string,
  container: object,
  key: string | number,
): FoundFilter | undefined {
  const module = context.extensions.get(name);
  // It could not be loaded, which was told where `extensions` has it.
  if (module === null) return undefined;
  const named = module === undefined ? byName(context, kind, name) : byModule(context, module);
  const found = named.filter((each) => each.kind === kind);
  const [first, second] = found;
  if (first === undefined) return void tellMissing(context, kind, name, named, container, key);
  if (second !== undefined) {
    const ids = found.map(({ definition }) => definition.id);
    context.error(container, key, {
      code: "ERR_CONFIG_CONFLICT",
      message: `"${name}" may mean several filters`,
      expected: ids.join(" or "),
    });
    return undefined;
  }
  const { id, messages, routeMessage } = first.definition;
  return { id, writtenAs: name, message: Object.keys(messages ?? {})[0], routeMessage };
}

function byModule({ registry }: ShortContext, url: string): Registered[] {
  return registry.idsOf(url).flatMap((id) => registry.get(id) ?? []);
}

/** An exact id wins over a last part, and a built-in filter's last part over another's. */
function byName({ registry }: ShortContext, kind: DefinitionKind, name: string): Registered[] {
  const exact = registry.get(name) ?? registry.get(`envoy.filters.${kind}.${name}`);
  if (exact !== undefined) return [exact];
  return registry.all().filter((each) => lastPart(each.definition.id) === name);
}

const kindName: Readonly<Record<DefinitionKind, string>> = {
  http: "HTTP filter",
  network: "network filter",
  listener: "listener filter",
  discovery: "discovery",
};

function tellMissing(
  context: ShortContext,
  kind: DefinitionKind,
  name: string,
  named: readonly Registered[],
  container: object,
  key: string | number,
): void {
  const [other] = named;
  const code = "ERR_CONFIG_REFERENCE";
  if (other !== undefined) {
    const message = `"${name}" is ${other.kind === "http" ? "an" : "a"} ${kindName[other.kind]}`;
    context.error(container, key, {
      code,
      message,
      expected: kind === "discovery" ? "a discovery" : `a filter of the kind ${kindName[kind].replace(" filter", "")}`,
    });
    return;
  }
  // It may be of the extension that could not be loaded.
  if ([...context.extensions.values()].includes(null)) return;
  const known = context.registry.all().filter((each) => each.kind === kind);
  const names = known.flatMap(({ definition: { id } }) => [id, lastPart(id)]);
  const suggestion = didYouMean(name, [...names, ...context.extensions.keys()]);
  context.error(container, key, { code, message: `there is no ${kindName[kind]} "${name}"`, suggestion });
}

function lastPart(id: string): string {
  return id.slice(id.lastIndexOf(".") + 1);
}
