/** `access_log:` — `true`, `stdout`, `stderr`, a file, or a mapping with a format; or a list of those. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptWhen } from "./log-when.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

const stream = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3";
const file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

export function adaptAccessLogs(section: Section, into: JsonObject): void {
  const value = section.get("access_log");
  if (value === undefined || value === false) return;
  const logs: Json[] = [];
  if (Array.isArray(value)) for (const index of value.keys()) push(logs, adaptLog(section, value, index));
  else push(logs, adaptLog(section, section.value, "access_log"));
  section.put(into, "access_log", section.make(logs, "access_log"), "access_log");
}

function push(logs: Json[], log: JsonObject | undefined): void {
  if (log !== undefined) logs.push(log);
}

function adaptLog(section: Section, container: object, key: string | number): JsonObject | undefined {
  const { context } = section;
  const value = (container as Record<string | number, Json>)[key];
  if (value === true) return logger(section, container, key, "stdout", undefined);
  if (typeof value === "string") return logger(section, container, key, value, undefined);
  if (!isMapping(value))
    return void context.wrongType(container, key, "true, stdout, stderr, a file, or a mapping with to and format");
  const log = Section.at(context, "access_log", container, key);
  if (log === undefined) return undefined;
  const made = logger(section, container, key, log.text("to") ?? "stdout", adaptFormat(log));
  if (log.has("when")) {
    const filter = adaptWhen(context, log.value, "when");
    if (filter === undefined) return undefined;
    made["filter"] = filter;
  }
  return made;
}

function logger(
  section: Section,
  container: object,
  key: string | number,
  to: string,
  format: JsonObject | undefined,
): JsonObject {
  const { derived } = section.context;
  const config: JsonObject = {
    "@type": to === "stdout" ? `${stream}.StdoutAccessLog` : to === "stderr" ? `${stream}.StderrAccessLog` : file,
  };
  if (config["@type"] === file) config["path"] = to.startsWith("/dev/") ? to : section.context.filePath(to);
  if (format !== undefined) config["log_format"] = format;
  const name = to === "stdout" || to === "stderr" ? `envoy.access_loggers.${to}` : "envoy.access_loggers.file";
  return derived.mark({ name, typed_config: derived.mark(config, container, key) }, container, key);
}

function adaptFormat(log: Section): JsonObject | undefined {
  const which = log.onlyOne(["format", "json"]);
  if (which === undefined) {
    if (log.flag("omit_empty") === true)
      log.error("omit_empty", { code: "ERR_CONFIG_CONFLICT", message: "omit_empty stands without format or json" });
    return undefined;
  }
  const made = log.make<JsonObject>({});
  if (which === "json") log.copy("json", made, "json_format");
  const text = which === "format" ? log.text("format") : undefined;
  if (text !== undefined) log.put(made, "text_format", text.endsWith("\n") ? text : `${text}\n`, "format");
  log.copy("omit_empty", made, "omit_empty_values");
  return made;
}
