/** The formatter as filters get it: `context.formats`. */
import { ConfigError, type Formats, type HttpStream } from "@sluice/sdk";
import type { StreamHandle } from "../http/chain/stream-handle.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { type Format, compileFormat } from "./format.ts";

class FilterFormat {
  readonly constant: string | null;
  readonly #format: Format;

  constructor(format: Format) {
    this.constant = format.constant;
    this.#format = format;
  }

  render(stream: HttpStream): string {
    return this.#format.render((stream as unknown as StreamHandle).stream);
  }
}

export const filterFormats: Formats = {
  compile(text) {
    const format = compileFormat(text);
    if (format instanceof MatchProblem) throw new ConfigError(`${format.message}, expected ${format.expected}`);
    return new FilterFormat(format);
  },
};
