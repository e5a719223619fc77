/** The formatter as filters get it: `context.formats`. */
import { ConfigError, type Formats, type HttpStream, type NetworkConnection } from "@sluice/sdk";
import { MatchProblem } from "../matching/match-problem.ts";
import type { FormatContext } from "./context.ts";
import { type Format, HEADER_FORMAT, compileFormat } from "./format.ts";

class FilterFormat {
  readonly constant: string | null;
  readonly #format: Format;

  constructor(format: Format) {
    this.constant = format.constant;
    this.#format = format;
  }

  /** Behind `info` of both handles is the whole of what is known. */
  render({ info }: HttpStream | NetworkConnection): string {
    return this.#format.render(info as FormatContext);
  }
}

export const filterFormats: Formats = {
  compile(text, { missing = "" } = {}) {
    const format = compileFormat(text, missing === "" ? HEADER_FORMAT : { ...HEADER_FORMAT, missing });
    if (format instanceof MatchProblem) throw new ConfigError(`${format.message}, expected ${format.expected}`);
    return new FilterFormat(format);
  },
};
