/** What the redaction is told: which fields, in which direction, and what becomes of bodies that it cannot read. */
import { z } from "zod";

const field = z
  .string()
  .regex(/^[^.]+(?:\.[^.]+)*$/, "expected a name, or names with dots between them")
  .describe("`password`: fields of that name anywhere. `user.email`: that path from the top, through arrays.");

const settings = z.strictObject({
  fields: z.array(field).min(1).describe("Whose values are replaced, objects and arrays as a whole."),
  replacement: z.string().default("[redacted]").describe("The text that stands there instead."),
  max_bytes: z.number().int().positive().default(10_485_760).describe("Longer bodies are refused."),
  max_depth: z.number().int().min(1).max(10_000).default(200).describe("Deeper bodies are refused."),
  unreadable: z
    .enum(["refuse", "pass"])
    .default("refuse")
    .describe("What becomes of JSON that is compressed, partial, in another charset: passed on as it is, or refused."),
});

export const config = settings.extend({
  direction: z.enum(["response", "request", "both"]).default("response").describe("Whose bodies."),
});

/** What a route says in place of the filter's own settings. */
export const routeConfig = settings;

export type RedactionSettings = z.infer<typeof settings>;
