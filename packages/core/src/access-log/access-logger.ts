/** Hot path. An access log, compiled: a format and where its lines go. */
import type { AccessLogModel } from "../config/model.ts";
import type { FormatContext } from "../formatter/context.ts";
import { LOG_FORMAT, compileFormat } from "../formatter/format.ts";
import { compileJsonFormat } from "../formatter/json-format.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import type { AccessLogSinks, LogWriter } from "./sinks.ts";

interface LineFormat {
  render(context: FormatContext): string;
}

export class AccessLogger {
  readonly #format: LineFormat;
  readonly #writer: LogWriter;

  constructor(format: LineFormat, writer: LogWriter) {
    this.#format = format;
    this.#writer = writer;
  }

  /** Writes the line of a stream or connection that has ended. */
  log(context: FormatContext): void {
    this.#writer.write(this.#format.render(context));
  }

  /** Gives the file back; MUST be called once when no stream logs here any more. */
  release(): void {
    this.#writer.release();
  }
}

/** null where nothing is logged. @throws Error where a file cannot be opened or a format is not legal. */
export function createAccessLoggers(
  models: readonly AccessLogModel[],
  sinks: AccessLogSinks,
): readonly AccessLogger[] | null {
  if (models.length === 0) return null;
  const loggers: AccessLogger[] = [];
  try {
    for (const model of models) loggers.push(new AccessLogger(lineFormat(model), sinks.open(model.sink)));
  } catch (error) {
    for (const logger of loggers) logger.release();
    throw error;
  }
  return loggers;
}

function lineFormat({ format, place }: AccessLogModel): LineFormat {
  const compiled = format.kind === "text" ? compileFormat(format.text, LOG_FORMAT) : compileJsonFormat(format.json);
  if (compiled instanceof MatchProblem)
    throw new TypeError(`${place.path}: ${compiled.message}; expected ${compiled.expected}`);
  return compiled;
}
