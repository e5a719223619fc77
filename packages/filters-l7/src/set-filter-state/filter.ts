/** Hot path. Puts texts into the filter state of every request. */
import {
  Continue,
  type FilterContext,
  type FilterState,
  type Format,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type Verdict,
} from "@sluice/sdk";
import { textOf } from "../shared/header-text.ts";
import type { FilterStateEntry, SetFilterStateSettings } from "./config.ts";

class CompiledEntry {
  readonly #key: string;
  readonly #format: Format;
  readonly #skipsEmpty: boolean;
  readonly #options: { readonly readOnly: boolean };

  /** @throws ConfigError where the text is no format. */
  constructor({ key, format, missing, isReadOnly, skipsEmpty }: FilterStateEntry, { formats }: FilterContext) {
    this.#key = key;
    this.#format = formats.compile(format, { missing });
    this.#skipsEmpty = skipsEmpty;
    this.#options = { readOnly: isReadOnly };
  }

  apply(stream: HttpStream<undefined>): void {
    const text = textOf(this.#format.constant ?? this.#format.render(stream));
    if (text === "" && this.#skipsEmpty) return;
    set(stream.filterState, this.#key, text, this.#options);
  }
}

/** A key that another filter has set read-only stays what it is, as in Envoy. */
function set(state: FilterState, key: string, text: string, options: { readonly readOnly: boolean }): void {
  try {
    state.set(key, text, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

export class SetFilterStateFilter implements HttpFilter<undefined> {
  readonly #entries: readonly CompiledEntry[];

  constructor(settings: SetFilterStateSettings, context: FilterContext) {
    this.#entries = settings.onRequestHeaders.map((entry) => new CompiledEntry(entry, context));
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, stream: HttpStream<undefined>): Verdict {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) entries[i]!.apply(stream);
    return Continue;
  }
}
