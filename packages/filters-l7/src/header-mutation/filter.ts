/** Hot path. Changes headers on their way: first as the filter says, then as each level of the route does. */
import type { Formats, Headers, HttpFilter, HttpStream, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { HeaderAddition } from "../shared/header-edit.ts";
import type { HeaderMutationRouteSettings, HeaderMutationSettings, Mutation, Mutations } from "./config.ts";

type Stream = HttpStream<undefined, HeaderMutationRouteSettings>;
type Edit = string | HeaderAddition;

/** Mutations in their order: a name is removed, an addition applied. */
class CompiledMutations {
  readonly request: readonly Edit[];
  readonly response: readonly Edit[];

  /** @throws ConfigError where a value is no format. */
  constructor(mutations: Mutations, formats: Formats) {
    this.request = compile(mutations.request, formats);
    this.response = compile(mutations.response, formats);
  }
}

function compile(mutations: readonly Mutation[], formats: Formats): Edit[] {
  return mutations.map((mutation) =>
    mutation.kind === "remove" ? mutation.name : new HeaderAddition(mutation.option, formats),
  );
}

function edit(edits: readonly Edit[], headers: Headers, stream: HttpStream): void {
  for (let i = 0; i < edits.length; i++) {
    const each = edits[i]!;
    if (typeof each === "string") headers.delete(each);
    else each.apply(headers, stream);
  }
}

export class HeaderMutationFilter implements HttpFilter<undefined, HeaderMutationRouteSettings> {
  readonly #own: CompiledMutations;
  readonly #mostSpecificWins: boolean;
  readonly #formats: Formats;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<HeaderMutationRouteSettings, CompiledMutations>();

  constructor(settings: HeaderMutationSettings, formats: Formats) {
    this.#own = new CompiledMutations(settings.mutations, formats);
    this.#mostSpecificWins = settings.mostSpecificWins;
    this.#formats = formats;
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): void {
    edit(this.#own.request, headers, stream);
    const { routeConfigs } = stream;
    for (let i = 0; i < routeConfigs.length; i++) edit(this.#ofRoute(routeConfigs, i).request, headers, stream);
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, stream: Stream): void {
    edit(this.#own.response, headers, stream);
    const { routeConfigs } = stream;
    for (let i = 0; i < routeConfigs.length; i++) edit(this.#ofRoute(routeConfigs, i).response, headers, stream);
  }

  /** The mutations of the i-th level in order of application: the last one has the last word. */
  #ofRoute(levels: readonly HeaderMutationRouteSettings[], i: number): CompiledMutations {
    const level = levels[this.#mostSpecificWins ? i : levels.length - 1 - i]!;
    let compiled = this.#ofRoutes.get(level);
    if (compiled === undefined)
      this.#ofRoutes.set(level, (compiled = new CompiledMutations(level.mutations, this.#formats)));
    return compiled;
  }
}
