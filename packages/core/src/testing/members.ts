/** The filters of a harness's chain: definitions with their setups and names, whichever way a test wrote them. */
import type { AnyDefinition, FilterSetup } from "./setup.ts";

export type ChainInput<Setup extends FilterSetup> = AnyDefinition | readonly [definition: AnyDefinition, setup: Setup];

export interface ChainMember<Setup extends FilterSetup> {
  readonly name: string;
  readonly definition: AnyDefinition;
  readonly setup: Setup;
}

/** `setup` belongs to a definition that stands alone. */
export function chainOf<Setup extends FilterSetup>(
  input: AnyDefinition | readonly ChainInput<Setup>[],
  setup: Setup,
): ChainMember<Setup>[] {
  const list: readonly ChainInput<Setup>[] = isList(input) ? input : [[input, setup]];
  const names = new Set<string>();
  return list.map((entry) => {
    const [definition, own] = isPair(entry) ? entry : [entry, {} as Setup];
    const name = own.name ?? definition.id;
    if (names.has(name)) throw new TypeError(`two filters are called "${name}": give one of them a name`);
    names.add(name);
    return { name, definition, setup: own };
  });
}

function isList<Setup extends FilterSetup>(
  input: AnyDefinition | readonly ChainInput<Setup>[],
): input is readonly ChainInput<Setup>[] {
  return Array.isArray(input);
}

function isPair<Setup extends FilterSetup>(entry: ChainInput<Setup>): entry is readonly [AnyDefinition, Setup] {
  return Array.isArray(entry);
}
