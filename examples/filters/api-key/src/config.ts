/** What the API-key gate is told: where the key stands, which keys there are, and on routes who may pass. */
import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected the SHA-256 of the key in lower-case hex");
const headerName = z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, "expected a header's name in lower case");

const client = z
  .strictObject({
    name: z.string().min(1).describe("Whose key it is: what logs, metrics and other filters see."),
    // By its name /config_dump and explain leave it out.
    api_key: z.string().min(8).optional().describe("The key itself, at least 8 characters; better: sha256."),
    sha256: sha256.optional().describe("SHA-256 of the key, so that the configuration holds no secret."),
  })
  .refine(({ api_key, sha256: digest }) => (api_key === undefined) !== (digest === undefined), {
    message: "expected either api_key or sha256",
  });

export const config = z
  .strictObject({
    header: headerName.default("x-api-key").describe("Header that carries the key."),
    bearer: z.boolean().default(false).describe("Whether `authorization: Bearer <key>` will do, too."),
    query: z
      .string()
      .min(1)
      .optional()
      .describe("Query parameter that will do, too. It shows in logs of others: prefer the header."),
    clients: z.array(client).min(1).describe("Who may pass."),
    forward_key: z.boolean().default(false).describe("Whether the upstream sees the key."),
    realm: z
      .string()
      .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/, 'expected printable ASCII without " and \\')
      .default("api")
      .describe("In `www-authenticate` of a 401."),
  })
  .superRefine(({ clients }, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of clients.entries()) {
      if (seen.has(name))
        context.addIssue({ code: "custom", path: ["clients", index, "name"], message: `a second client "${name}"` });
      seen.add(name);
    }
  });

/** What a route may say. */
export const routeConfig = z.strictObject({
  required: z.boolean().default(true).describe("false: who has no key passes, too; a wrong key never does."),
  allow: z.array(z.string().min(1)).optional().describe("Names of the clients that may pass; all of them unless told."),
});

export type ApiKeyConfig = z.infer<typeof config>;
