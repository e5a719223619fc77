/** The command operators: which there are, what argument each takes. An unknown one is refused by name. */
import { hostname } from "node:os";
import { didYouMean } from "../config/did-you-mean.ts";
import { MatchProblem } from "../matching/match-problem.ts";
import { toBytes } from "./bytes.ts";
import { FACTS } from "./facts.ts";
import { grpcNumber, grpcStatusOperator } from "./grpc-status.ts";
import { headerOperator } from "./header-operator.ts";
import { ConstantOperator, FactOperator, type Operator } from "./operator.ts";
import { filterStateOperator, metadataOperator } from "./stream-data.ts";
import { pathOperator, queryParamOperator } from "./query-param.ts";
import { type TimeSource, timeOperator } from "./time-operator.ts";

type Compile = (argument: string) => Operator | MatchProblem;

interface Command {
  readonly argument: "required" | "optional";
  /** What the argument looks like, for messages. */
  readonly looks: string;
  readonly compile: Compile;
}

function header(source: "request" | "response" | "trailer", withoutQuery = false): Command {
  return {
    argument: "required",
    looks: "NAME or NAME?ALTERNATIVE",
    compile: (a) => headerOperator(source, a, withoutQuery),
  };
}

/** Envoy's formatter `metadata`: of the places that it knows, the stream. */
function typedMetadata(argument: string): Operator | MatchProblem {
  const [kind = "", ...rest] = argument.split(":");
  return kind === "DYNAMIC"
    ? metadataOperator(rest.join(":"))
    : new MatchProblem(`metadata of ${JSON.stringify(kind)} is not supported`, "DYNAMIC:NAMESPACE:KEY*");
}

function time(read: TimeSource, local: boolean): Command {
  return { argument: "optional", looks: "a strftime format", compile: (a) => timeOperator(read, a, local) };
}

const COMMANDS: Readonly<Record<string, Command>> = {
  REQ: header("request"),
  REQUEST_HEADER: header("request"),
  REQ_WITHOUT_QUERY: header("request", true),
  RESP: header("response"),
  RESPONSE_HEADER: header("response"),
  TRAILER: header("trailer"),
  RESPONSE_TRAILER: header("trailer"),
  START_TIME: time("start", false),
  START_TIME_LOCAL: time("start", true),
  EMIT_TIME: time("emit", false),
  EMIT_TIME_LOCAL: time("emit", true),
  DYNAMIC_METADATA: { argument: "required", looks: "NAMESPACE:KEY*", compile: metadataOperator },
  FILTER_STATE: {
    argument: "required",
    looks: "KEY, KEY:PLAIN, KEY:TYPED or KEY:FIELD:NAME",
    compile: filterStateOperator,
  },
  METADATA: { argument: "required", looks: "DYNAMIC:NAMESPACE:KEY*", compile: typedMetadata },
  PATH: { argument: "optional", looks: "WQ or NQ, and PATH, ORIG or ORIG_OR_PATH", compile: pathOperator },
  QUERY_PARAM: { argument: "required", looks: "the name of a query parameter", compile: queryParamOperator },
  DOWNSTREAM_PEER_CERT_V_START: time("peer_cert_start", false),
  DOWNSTREAM_PEER_CERT_V_END: time("peer_cert_end", false),
  GRPC_STATUS: { argument: "optional", looks: "CAMEL_STRING, SNAKE_STRING or NUMBER", compile: grpcStatusOperator },
  ENVIRONMENT: {
    argument: "required",
    looks: "the name of an environment variable",
    compile: (a) => new ConstantOperator(toBytes(process.env[a] ?? "-")),
  },
};

/** Without argument, and not one of FACTS. */
const PLAIN: Readonly<Record<string, () => Operator>> = {
  GRPC_STATUS_NUMBER: () => new FactOperator(grpcNumber),
  HOSTNAME: () => new ConstantOperator(toBytes(hostname())),
};

/** The compiled operator, or why there is none. */
export function compileOperator(name: string, argument: string | null): Operator | MatchProblem {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : null;
  if (command !== null) {
    if (argument === null && command.argument === "required")
      return new MatchProblem(`%${name}% has no argument`, `%${name}(…)% with ${command.looks}`);
    return command.compile(argument ?? "");
  }
  const plain = Object.hasOwn(FACTS, name)
    ? new FactOperator(FACTS[name]!)
    : Object.hasOwn(PLAIN, name)
      ? PLAIN[name]!()
      : null;
  if (plain !== null) return argument === null ? plain : new MatchProblem(`%${name}% takes no argument`, `%${name}%`);
  const near = didYouMean(name, operatorNames());
  return new MatchProblem(
    `%${name}% is no command operator that Sluice has`,
    near === undefined ? "one that docs/configuration lists" : `%${near}%`,
  );
}

export function operatorNames(): string[] {
  return [...Object.keys(COMMANDS), ...Object.keys(FACTS), ...Object.keys(PLAIN)];
}
