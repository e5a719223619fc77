/** Hot path. An access log, compiled: which streams it is for, a format, and where its lines go. */
import type { AccessLogModel, FormatStringModel } from "../config/model.ts";
import type { FormatContext } from "../formatter/context.ts";
import { LOG_FORMAT, OMITTING_LOG_FORMAT, compileFormat } from "../formatter/format.ts";
import { compileJsonFormat } from "../formatter/json-format.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { FilterRuntime } from "../runtime/runtime-store.ts";
import type { WorkerServices } from "../worker/services.ts";
import { type LogFilter, createLogFilter } from "./log-filter.ts";
import type { LogWriter } from "./sinks.ts";

/** What loggers need of their thread. */
export type LoggerServices = Pick<WorkerServices, "accessLogSinks" | "runtime" | "random">;

interface LineFormat {
  render(context: FormatContext): string;
}

export class AccessLogger {
  readonly #filter: LogFilter | null;
  readonly #format: LineFormat;
  readonly #writer: LogWriter;
  readonly #runtime: FilterRuntime | null;

  constructor(format: LineFormat, writer: LogWriter, filter: LogFilter | null, runtime: FilterRuntime | null) {
    this.#filter = filter;
    this.#format = format;
    this.#writer = writer;
    this.#runtime = runtime;
  }

  /** Writes the line of a stream or connection, where it is for it; `context.logType` says why now. */
  log(context: FormatContext): void {
    if (this.#filter !== null && !this.#filter.passes(context)) return;
    this.#writer.write(this.#format.render(context));
  }

  /** Gives the file back; MUST be called once when no stream logs here any more. */
  release(): void {
    this.#writer.release();
    this.#runtime?.release();
  }
}

/** null where nothing is logged. @throws Error where a file cannot be opened or a format is not legal. */
export function createAccessLoggers(
  models: readonly AccessLogModel[],
  services: LoggerServices,
): readonly AccessLogger[] | null {
  if (models.length === 0) return null;
  const loggers: AccessLogger[] = [];
  try {
    for (const model of models) loggers.push(createLogger(model, services));
  } catch (error) {
    for (const logger of loggers) logger.release();
    throw error;
  }
  return loggers;
}

function createLogger(model: AccessLogModel, services: LoggerServices): AccessLogger {
  const { filter, place, sink } = model;
  const format = lineFormat(model, place.path);
  const runtime = filter === null ? null : new FilterRuntime(services.runtime, services.random);
  try {
    const condition = filter === null || runtime === null ? null : createLogFilter(filter, runtime);
    return new AccessLogger(format, services.accessLogSinks.open(sink), condition, runtime);
  } catch (error) {
    runtime?.release();
    throw error;
  }
}

/** @throws TypeError where it is not legal. */
export function lineFormat({ format, omitEmpty }: FormatStringModel, where: string): LineFormat {
  const compiled =
    format.kind === "text"
      ? compileFormat(format.text, omitEmpty ? OMITTING_LOG_FORMAT : LOG_FORMAT)
      : compileJsonFormat(format.json, { omitEmpty, sortKeys: format.sortKeys });
  if (compiled instanceof MatchProblem)
    throw new TypeError(`${where}: ${compiled.message}; expected ${compiled.expected}`);
  return compiled;
}
