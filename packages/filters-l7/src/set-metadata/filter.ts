/** Hot path. Puts fixed values into the dynamic metadata of every request. */
import {
  Continue,
  type Counter,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type Verdict,
} from "@sluice/sdk";
import type { MetadataEntry, SetMetadataSettings } from "./config.ts";
import { merged } from "./merge.ts";

export class SetMetadataFilter implements HttpFilter<undefined> {
  readonly #entries: readonly MetadataEntry[];
  readonly #overwriteDenied: Counter;

  constructor({ entries }: SetMetadataSettings, context: FilterContext) {
    this.#entries = entries;
    this.#overwriteDenied = context.rootStats.counter(`http.${context.statPrefix}.set_metadata.overwrite_denied`);
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, { metadata }: HttpStream<undefined>): Verdict {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      const { namespace, values, allowsOverwrite } = entries[i]!;
      const known = metadata.get(namespace);
      if (known === undefined) metadata.set(namespace, values);
      else if (allowsOverwrite) metadata.set(namespace, merged(known, values));
      else this.#overwriteDenied.inc();
    }
    return Continue;
  }
}
