/** What the gate is told: which commands pass. */
import { z } from "zod";

const command = z
  .string()
  .regex(/^[A-Za-z0-9._-]+(?:\|[A-Za-z0-9._-]+)?$/, "expected a command, or one with its subcommand as in config|set")
  .transform((name) => name.toLowerCase());

export const config = z
  .strictObject({
    allow: z.array(command).min(1).optional().describe("These commands pass, and no others."),
    deny: z.array(command).min(1).optional().describe("All commands pass but these."),
    message: z
      .string()
      .regex(/^[\x20-\x7e]*$/, "expected printable ASCII")
      .default("this command is not allowed here")
      .describe("What a client reads, behind NOPERM."),
    max_arguments: z
      .number()
      .int()
      .min(1)
      .max(1_048_576)
      .default(65_536)
      .describe("A command with more closes the connection."),
    max_argument_bytes: z
      .number()
      .int()
      .min(1)
      .max(536_870_912)
      .default(536_870_912)
      .describe("A longer argument closes the connection."),
  })
  .refine(({ allow, deny }) => (allow === undefined) !== (deny === undefined), {
    message: "expected either allow or deny",
  });

export type RedisGateConfig = z.infer<typeof config>;
