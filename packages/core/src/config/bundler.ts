/** What loading a configuration needs of `run --watch`: modules of the user's own as bundles. Implemented in watch/, which nothing else loads. */
import type { ModuleBundle } from "./model.ts";

export interface Bundler {
  /**
   * The module and its local imports as one piece; null for what is loaded as it is (packages that are installed).
   * @param url of a file; a fragment is ignored.
   * @throws BundleError
   */
  bundle(url: string): Promise<ModuleBundle | null>;
  /** A module that the configuration names is not there: once it is, it is worth another try. */
  missing(path: string): void;
}

/** A clause for a problem, with `file:line:column` where that is known. */
export class BundleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BundleError";
  }
}
