/** Hot path. Header mutations of one level of a route: constants are fields made once, the rest is rendered. Envoy: HeaderParser. */
import type { HeaderMutationModel } from "../../config/model.ts";
import { type Format, compileFormat } from "../../formatter/format.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { HeaderField, headerName } from "../headers/field.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import { compiled } from "./route-match.ts";

type Action = HeaderMutationModel["add"][number]["action"];

class Addition {
  readonly name: string;
  readonly format: Format;
  readonly constant: HeaderField | null;
  readonly action: Action;
  readonly keepEmpty: boolean;

  constructor(model: HeaderMutationModel["add"][number]) {
    this.name = headerName(model.name);
    this.format = compiled(compileFormat(model.value));
    const text = this.format.constant;
    this.constant = text === null ? null : new HeaderField(this.name, text.trim());
    this.action = model.action;
    this.keepEmpty = model.keepEmpty;
  }

  /** The field to put into the map; null where there is nothing to put. */
  field(headers: HeaderMap, context: FormatContext): HeaderField | null {
    const { action, name } = this;
    if (action === "add_if_absent" && headers.find(name) !== null) return null;
    if (action === "overwrite_if_exists" && headers.find(name) === null) return null;
    const field = this.constant ?? new HeaderField(name, this.format.render(context).trim());
    return field.value === "" && !this.keepEmpty ? null : field;
  }

  get overwrites(): boolean {
    return this.action === "overwrite_or_add" || this.action === "overwrite_if_exists";
  }
}

export class HeaderMutations {
  readonly #remove: readonly string[];
  readonly #add: readonly Addition[];
  /** What the additions came to, until all of them have seen the headers as they were. */
  readonly #fields: (HeaderField | null)[];

  constructor(model: HeaderMutationModel) {
    this.#remove = model.remove.map((name) => headerName(name));
    this.#add = model.add.map((a) => new Addition(a));
    this.#fields = this.#add.map(() => null);
  }

  /** Removes first; then every value is made from the headers as they are; then overwrites, then adds. */
  apply(headers: HeaderMap, context: FormatContext): void {
    const remove = this.#remove;
    for (let i = 0; i < remove.length; i++) headers.delete(remove[i]!);
    const add = this.#add;
    const fields = this.#fields;
    for (let i = 0; i < add.length; i++) fields[i] = add[i]!.field(headers, context);
    for (let i = 0; i < add.length; i++) {
      if (fields[i] !== null && add[i]!.overwrites) headers.setField(fields[i]!);
    }
    for (let i = 0; i < add.length; i++) {
      if (fields[i] !== null && !add[i]!.overwrites) headers.fields.push(fields[i]!);
    }
  }
}

/** The mutations of a list of levels, in order of application; null where none does anything. Levels that `made` knows are not made again. */
export function mutationChain(
  levels: readonly HeaderMutationModel[],
  made: Map<HeaderMutationModel, HeaderMutations> = new Map(),
): readonly HeaderMutations[] | null {
  const chain: HeaderMutations[] = [];
  for (const level of levels) {
    if (level.add.length === 0 && level.remove.length === 0) continue;
    let mutations = made.get(level);
    if (mutations === undefined) made.set(level, (mutations = new HeaderMutations(level)));
    chain.push(mutations);
  }
  return chain.length === 0 ? null : chain;
}

export function applyAll(chain: readonly HeaderMutations[] | null, headers: HeaderMap, context: FormatContext): void {
  if (chain !== null) for (let i = 0; i < chain.length; i++) chain[i]!.apply(headers, context);
}
