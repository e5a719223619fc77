/** What the gateway is told: whose tokens count, how many there are, which models there are. */
import { z } from "zod";

const limit = z.number().int().min(1).max(1_000_000_000);
const headerName = z.string().regex(/^[a-z0-9-]+$/, "expected a header's name in lower case");
const model = z
  .string()
  .regex(/^[\x21-\x29\x2b-\x7e]+\*?$/, "expected a model's name, or the beginning of one with * behind it");

export const config = z.strictObject({
  tokens_per_minute: limit.describe("Of each key, prompts and completions together. They come back evenly."),
  key_header: headerName
    .default("authorization")
    .describe("Header whose value is the key. Where an API-key filter in front has named the client, its name is."),
  models: z.array(model).min(1).optional().describe("Models that may be asked; all unless told."),
  model_header: headerName.default("x-ai-model").describe("Request header that tells routes and upstreams the model."),
  max_request_bytes: z
    .number()
    .int()
    .min(1)
    .max(67_108_864)
    .default(4_194_304)
    .describe("Longer requests are answered 413."),
  max_keys: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("Keys whose use is remembered; the one that was not used for longest is forgotten first."),
});

/** What a route may say instead: keys have tokens of their own there. */
export const routeConfig = z.strictObject({ tokens_per_minute: limit });
