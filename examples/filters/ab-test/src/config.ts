/** What an experiment is told: its buckets with their weights, the cookie that remembers them, and on routes whether it takes part. */
import { z } from "zod";

const token = z.string().regex(/^[A-Za-z0-9_-]+$/, "expected letters, digits, _ and -");

export const config = z
  .strictObject({
    name: token.describe("Of the experiment: part of the names of cookie and header."),
    buckets: z
      .array(
        z.strictObject({
          name: token,
          weight: z.number().int().min(0).max(1_000_000).describe("Share of new clients, against the others'."),
        }),
      )
      .min(2)
      .describe("What clients are divided into."),
    cookie: token.optional().describe("Cookie that remembers the bucket; `ab_<name>` unless told."),
    header: z
      .string()
      .regex(/^[a-z0-9-]+$/, "expected a header's name in lower case")
      .optional()
      .describe("Request header for routes and upstreams; `x-ab-<name>` unless told."),
    ttl_days: z
      .number()
      .int()
      .min(1)
      .max(400)
      .default(30)
      .describe("How long a browser remembers. Browsers keep no cookie for more than 400 days."),
    path: z
      .string()
      .regex(/^\/[\x21-\x2b\x2d-\x3a\x3c-\x7e]*$/, "expected a path of printable ASCII without , and ;")
      .default("/")
      .describe("Path of the cookie."),
    domain: z
      .string()
      .regex(/^[a-z0-9.-]+$/, "expected a domain")
      .optional()
      .describe("Domain of the cookie; the host alone unless told."),
  })
  .superRefine(({ buckets }, context) => {
    for (const [index, { name }] of buckets.entries()) {
      if (buckets.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: "custom", path: ["buckets", index, "name"], message: `a second bucket "${name}"` });
    }
    if (buckets.every(({ weight }) => weight === 0))
      context.addIssue({ code: "custom", path: ["buckets"], message: "expected a bucket with a weight above 0" });
  });

/** What a route may say. */
export const routeConfig = z.strictObject({
  bucket: token.optional().describe("Everybody is in this bucket here, and nothing is remembered."),
});

export type AbTestConfig = z.infer<typeof config>;
