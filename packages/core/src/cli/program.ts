/** The command line: which commands there are and what they take. Each command is a file of its own, loaded when it is used. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { SDK_VERSION } from "@sluice/sdk";
import type { BenchFlags } from "./bench.ts";
import type { ExplainFlags } from "./explain.ts";
import type { NewFilterFlags } from "./new-filter.ts";
import type { RoutesFlags } from "./routes.ts";

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
    .option("--watch", "swap in what changes: the configuration, filters of your own and the files that they import")
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

  program
    .command("explain")
    .description("tell which route and filters a request meets, and why; ends with 0, with 2 on a bad configuration")
    .argument("<file>", "configuration; - is standard input")
    .option("--method <method>", "of the request", "GET")
    .option("--host <host>", "of the request", "localhost")
    .option("--path <path>", "of the request, with its query", "/")
    .option("-H, --header <header>", "a header, as in 'name: value'; may be repeated", collected, [])
    .option("--listener <name>", "only this listener (default: all that speak HTTP)")
    .option("--json", "as data")
    .addOption(allowUnsupported())
    .action(async (file: string, options: ExplainFlags) => {
      const { explainCommand } = await import("./explain.ts");
      code = await explainCommand(file, options, streams);
    });

  program
    .command("routes")
    .description(
      "list the routes of a configuration, or hold them to a table of expectations; ends with 0, with 1 where one is not met, with 2 on a bad configuration or table",
    )
    .argument("<file>", "configuration; - is standard input")
    .option("--check <table>", "YAML or JSON: requests, and what is expected of each")
    .option("--listener <name>", "only this listener (default: all that speak HTTP)")
    .option("--json", "as data")
    .addOption(allowUnsupported())
    .action(async (file: string, options: RoutesFlags) => {
      const { routesCommand } = await import("./routes.ts");
      code = await routesCommand(file, options, streams);
    });

  program
    .command("schema")
    .description("print the JSON Schema of configurations, for editors")
    .argument("[file]", "configuration whose extensions the schema is to include")
    .action(async (file: string | undefined) => {
      const { schemaCommand } = await import("./schema.ts");
      code = await schemaCommand(file, streams);
    });

  program
    .command("new")
    .description("make a package to begin with")
    .command("filter")
    .description("a filter package: source, schema, test, bench, build, a configuration that runs it")
    .argument("<dir>", "folder that is missing or empty")
    .addOption(new Option("--kind <kind>", "of filter").choices(["http", "network", "listener"]).default("http"))
    .option("--name <name>", "of the package (default: the folder's)")
    .action(async (directory: string, options: NewFilterFlags) => {
      const { newFilterCommand } = await import("./new-filter.ts");
      code = await newFilterCommand(directory, options, streams);
    });

  program
    .command("bench")
    .description(
      "measure what filters cost; ends with 0, with 1 on a regression against --compare, with 2 where nothing can be measured",
    )
    .argument(
      "<target>",
      "a filter package's directory, a file, a package's name, a built-in filter's id, or a configuration",
    )
    .option("--compare <file>", "measure beside the version that --save stored there")
    .option("--save <file>", "store numbers and code for later comparisons")
    .option("--config <json>", "configuration of the filter: JSON, or a file with it")
    .option("--profile <file>", "JSON like `sluice.bench` of a package.json: configuration, request and response")
    .addOption(
      new Option("--requests <kind>", "with or without a body (default: as the profile says)").choices([
        "headers",
        "body",
      ]),
    )
    .option("--filter <id>", "one of several filters of a package")
    .option("--listener <name>", "one of several listeners of a configuration")
    .option("--rounds <n>", "fresh processes, at least (default: 8, to compare 14)", wholeNumber(1, 1000))
    .option("--end-to-end", "also requests per second through a real proxy, with and without the filter (autocannon)")
    .option("--seconds <n>", "length of each end-to-end load (default: 3)", wholeNumber(1, 60))
    .addOption(new Option("--json", "the report as JSON").conflicts("markdown"))
    .option("--markdown", "the report as one line of Markdown")
    .action(async (target: string, options: BenchFlags) => {
      const { benchCommand } = await import("./bench.ts");
      code = await benchCommand(target, options, streams);
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
  readonly watch?: boolean;
  readonly allowUnsupported?: boolean;
}

function collected(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return value;
  };
}
