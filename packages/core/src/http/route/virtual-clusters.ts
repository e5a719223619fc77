/** Hot path. Requests of a virtual host sorted by their headers, for statistics alone. Envoy: VirtualCluster. */
import type { VirtualHostModel } from "../../config/model.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { HeaderMatch } from "./route-match.ts";

/** Where none matches. */
const OTHER = "other";

export class VirtualClusters {
  readonly #names: readonly string[];
  readonly #matches: ReadonlyArray<readonly HeaderMatch[]>;

  constructor(models: VirtualHostModel["virtualClusters"]) {
    this.#names = models.map(({ name }) => name);
    this.#matches = models.map(({ headers }) => headers.map((header) => new HeaderMatch(header)));
  }

  /** The name of the first that the request belongs to. */
  of(headers: RequestHeaderMap): string {
    const matches = this.#matches;
    for (let i = 0; i < matches.length; i++) if (allHold(matches[i]!, headers)) return this.#names[i]!;
    return OTHER;
  }
}

function allHold(matches: readonly HeaderMatch[], headers: RequestHeaderMap): boolean {
  for (let i = 0; i < matches.length; i++) if (!matches[i]!.holds(headers)) return false;
  return true;
}
