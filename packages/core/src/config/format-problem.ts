/** One problem as one line: `file:line:column  path  what is wrong, expected …; did you mean "…"?` */
import type { Problem } from "./problems.ts";

export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const parts = problem.path === "" ? [place] : [place, problem.path];
  let text = problem.message;
  if (problem.expected !== undefined) text += `, expected ${problem.expected}`;
  if (problem.suggestion !== undefined) text += `; did you mean "${problem.suggestion}"?`;
  parts.push(problem.severity === "warning" ? `warning: ${text}` : text);
  return oneLine(parts.join("  "));
}

/** Control characters (also line ends) in names and values are escaped, so that a file cannot forge lines or terminal codes. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be printed
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
