/** `%GRPC_STATUS(FORMAT)%`: from the response's trailers, or its headers (trailers-only). */
import { MatchProblem } from "../matching/match-problem.ts";
import { grpcStatusOf } from "../http/chain/local-reply.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";

const CAMEL = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];
const SNAKE = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** Only of gRPC requests. */
export function grpcNumber(context: FormatContext): number | null {
  if (context.requestHeaders?.find("content-type")?.value.startsWith("application/grpc") !== true) return null;
  return toldStatus(context);
}

function toldStatus(context: FormatContext): number | null {
  const field =
    context.responseFlow?.trailers?.find("grpc-status") ?? context.responseHeaders?.find("grpc-status") ?? null;
  return field !== null && /^[0-9]{1,9}$/.test(field.value) ? Number(field.value) : null;
}

/** Of any stream: where none is told, what its HTTP status means; 2 (unknown) where there is not even that. */
export function impliedGrpcStatus(context: FormatContext): number {
  return toldStatus(context) ?? (context.status === 0 ? 2 : grpcStatusOf(context.status));
}

class GrpcStatusOperator implements Operator {
  readonly #names: readonly string[] | null;

  /** null: the number. */
  constructor(names: readonly string[] | null) {
    this.#names = names;
  }

  text(context: FormatContext): string | null {
    const value = this.json(context);
    return value === null ? null : String(value);
  }

  json(context: FormatContext): string | number | null {
    const number = grpcNumber(context);
    return number === null || this.#names === null ? number : (this.#names[number] ?? String(number));
  }
}

export function grpcStatusOperator(argument: string): Operator | MatchProblem {
  switch (argument) {
    case "":
    case "CAMEL_STRING":
      return new GrpcStatusOperator(CAMEL);
    case "SNAKE_STRING":
      return new GrpcStatusOperator(SNAKE);
    case "NUMBER":
      return new GrpcStatusOperator(null);
    default:
      return new MatchProblem(
        `${JSON.stringify(argument)} is no way to write a gRPC status`,
        "CAMEL_STRING, SNAKE_STRING or NUMBER",
      );
  }
}
