/** Format strings with command operators, tried where they are written; each thread compiles them again for itself. */
import { compileFormat } from "../../formatter/format.ts";
import { compileJsonFormat, JsonFormatProblem } from "../../formatter/json-format.ts";
import { MatchProblem } from "../../matching/match-problem.ts";
import type { Json } from "../model.ts";
import type { CompileContext, Field } from "./context.ts";

export function checkTextFormat(context: CompileContext, at: Field, format: string): void {
  const compiled = compileFormat(format);
  if (!(compiled instanceof MatchProblem)) return;
  const { message, expected } = compiled;
  context.error(at, "ERR_CONFIG_TYPE", message, { expected });
}

/** The tree of texts in a field of a message. */
export function checkJsonFormat(context: CompileContext, { message, field = "" }: Field, format: Json): void {
  const compiled = compileJsonFormat(format);
  if (!(compiled instanceof JsonFormatProblem)) return;
  const { expected, path } = compiled;
  context.errorAt(message, [field, ...path], "ERR_CONFIG_TYPE", compiled.message, { expected });
}
