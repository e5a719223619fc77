/**
 * What routes write into targets, hosts and `Location`: such texts stand in heads as they are, so that a space, a line end or a letter beyond ASCII would
 * break each message that they come into.
 */
import type { Message } from "@bufbuild/protobuf";
import { AUTHORITY } from "../../../http/codec/h1/syntax.ts";
import type { RegexRewriteModel } from "../../model.ts";
import type { RegexMatchAndSubstitute } from "../../envoy/generated/envoy/type/matcher/v3/regex_pb.js";
import type { CompileContext } from "../context.ts";
import { compileRegexRewrite } from "../matchers.ts";

/** Path, or a part of one; with a query where it has one. */
export function writtenPath(context: CompileContext, message: Message, field: string, text: string): string {
  if (!/^[!"$-~]*$/.test(text)) noPath(context, message, field, text, "printable ASCII without space and #");
  return text;
}

/** The same of a `Location`, which may say a fragment. */
export function writtenReference(context: CompileContext, message: Message, field: string, text: string): string {
  if (!/^[!-~]*$/.test(text)) noPath(context, message, field, text, "printable ASCII without space");
  return text;
}

function noPath(context: CompileContext, message: Message, field: string, text: string, legal: string): void {
  const finding = `${JSON.stringify(text)} has what no path can have`;
  context.error({ message, field }, "ERR_CONFIG_TYPE", finding, { expected: `${legal}, the rest as %XX` });
}

export function writtenHost(context: CompileContext, message: Message, field: string, text: string): string {
  if (!AUTHORITY.test(text)) {
    context.error({ message, field }, "ERR_CONFIG_TYPE", `${JSON.stringify(text)} is no host`, {
      expected: "a host, with or without port; names beyond ASCII as xn--",
    });
  }
  return text;
}

/** RFC 3986 section 3.1. */
export function writtenScheme(context: CompileContext, message: Message, field: string, text: string): string {
  if (text !== "" && !/^[A-Za-z][A-Za-z0-9+.-]*$/.test(text))
    context.error({ message, field }, "ERR_CONFIG_TYPE", `${JSON.stringify(text)} is no scheme`, {
      expected: "http or https",
    });
  return text;
}

/** A pattern and what comes into a path in the place of what it finds. */
export function writtenRewrite(
  context: CompileContext,
  rewrite: RegexMatchAndSubstitute | undefined,
): RegexRewriteModel | null {
  if (rewrite !== undefined) writtenPath(context, rewrite, "substitution", rewrite.substitution);
  return compileRegexRewrite(context, rewrite);
}
