/** The command line: which commands there are and what they take. Each command is a file of its own, loaded when it is used. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { SDK_VERSION } from "@sluice/sdk";

/** Where a command reads and writes; another one in tests. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Whoever reads has gone (`| head`): nothing that is told any more is missed, and the proxy goes on. */
function ignoreGoneReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

const processStreams: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Runs one command; resolves with the exit code of the process. */
export async function run(argv: readonly string[], streams: Streams = processStreams): Promise<number> {
  if (streams === processStreams) ignoreGoneReaders();
  let code = 0;
  const program = new Command("sluice")
    .description("A filter-chain proxy: Envoy's configuration, filters from npm")
    .version(SDK_VERSION, "-V, --version")
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err });
  const allowUnsupported = () =>
    new Option("--allow-unsupported", "what Envoy has and Sluice does not is a warning and left out");

  program
    .command("run")
    .description("run the proxy; ends with 0 after SIGTERM, with 2 on a bad configuration")
    .argument("<file>", "configuration: Envoy's bootstrap or the short form; - is standard input")
    .option(
      "--concurrency <n>",
      "worker threads; 0 runs everything in one thread (default: the cores)",
      wholeNumber(0, 127),
    )
    .option(
      "--drain-time-s <seconds>",
      "how long connections may take to end after SIGTERM",
      wholeNumber(0, 86_400),
      10,
    )
    .option("-l, --log-level <level>", "trace, debug, info, warning, error, critical or off", "info")
    .addOption(
      new Option("--log-format <format>", "of the log on standard error").choices(["text", "json"]).default("text"),
    )
    .option("--admin-address-path <file>", "file to write the admin interface's address to")
    .addOption(allowUnsupported())
    .action(async (file: string, options: RunFlags) => {
      const { runCommand } = await import("./run.ts");
      code = await runCommand(file, options, streams);
    });

  program
    .command("validate")
    .description("check a configuration; ends with 1 and every problem, or with 0")
    .argument("<file>", "configuration; - is standard input")
    .addOption(allowUnsupported())
    .action(async (file: string, options: { allowUnsupported?: boolean }) => {
      const { validateCommand } = await import("./validate.ts");
      code = await validateCommand(file, options, streams);
    });

  program
    .command("translate")
    .description("print the Envoy v3 bootstrap that a configuration means")
    .argument("<file>", "configuration; - is standard input")
    .addOption(new Option("--format <format>", "of the output").choices(["yaml", "json"]).default("yaml"))
    .addOption(allowUnsupported())
    .action(async (file: string, options: { allowUnsupported?: boolean; format: "yaml" | "json" }) => {
      const { translateCommand } = await import("./translate.ts");
      code = await translateCommand(file, options, streams);
    });

  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return code;
}

export interface RunFlags {
  readonly concurrency?: number;
  readonly drainTimeS: number;
  readonly logLevel: string;
  readonly logFormat: "text" | "json";
  readonly adminAddressPath?: string;
  readonly allowUnsupported?: boolean;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return value;
  };
}
