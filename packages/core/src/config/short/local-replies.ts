/** `local_replies:` — what becomes of the replies that the proxy makes itself. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { headerOptions } from "./headers.ts";
import { adaptWhen } from "./log-when.ts";
import { Section } from "./section.ts";

export function adaptLocalReplies(section: Section, manager: JsonObject): void {
  const replies = section.section("local_replies", "local_replies");
  if (replies === undefined) return;
  const made = replies.make<JsonObject>({});
  const format = bodyFormat(replies);
  if (format !== undefined) made["body_format"] = format;
  const list = replies.list("map") ?? [];
  const mappers = list.flatMap<Json>((_, index) => mapperOf(replies, list, index) ?? []);
  if (mappers.length > 0) made["mappers"] = replies.make(mappers, "map");
  section.put(manager, "local_reply_config", made, "local_replies");
}

function mapperOf(replies: Section, list: Json[], index: number): JsonObject | undefined {
  const reply = Section.at(replies.context, "local_reply", list, index);
  if (reply === undefined) return undefined;
  const made = reply.make<JsonObject>({});
  if (!reply.has("when")) return void reply.missing("when", "a condition, as in { status: 503 }");
  const filter = adaptWhen(reply.context, reply.value, "when");
  if (filter === undefined) return undefined;
  made["filter"] = filter;
  reply.copy("status", made, "status_code");
  const which = reply.onlyOne(["body", "file"]);
  const text = which === undefined ? undefined : reply.text(which);
  if (which !== undefined && text !== undefined) {
    const source = reply.make<JsonObject>({}, which);
    if (which === "body") reply.put(source, "inline_string", text, which);
    else reply.put(source, "filename", reply.context.filePath(text), which);
    made["body"] = source;
  }
  const format = bodyFormat(reply);
  if (format !== undefined) made["body_format_override"] = format;
  const headers = reply.mapping("headers");
  if (headers !== undefined)
    reply.put(
      made,
      "headers_to_add",
      reply.make<Json[]>(headerOptions(reply.context, headers, "OVERWRITE_IF_EXISTS_OR_ADD"), "headers"),
      "headers",
    );
  return made;
}

function bodyFormat(section: Section): JsonObject | undefined {
  const which = section.onlyOne(["format", "json"]);
  const made = section.make<JsonObject>({});
  if (which === undefined) {
    if (!section.has("content_type")) return undefined;
    // A type alone is of the body as it is.
    made["text_format"] = "%LOCAL_REPLY_BODY%";
  } else section.copy(which, made, which === "json" ? "json_format" : "text_format");
  section.copy("content_type", made);
  return made;
}
