/**
 * Compiles the Envoy protos that @grpc/grpc-js-xds ships into what packages/core keeps of them, all checked in:
 *   assets/envoy.binpb           one descriptor set, without comments, annotations and imports that only these need
 *   assets/envoy-types.tsv       the same as one line a type, for the lazy registry (src/config/envoy/registry.ts)
 *   src/config/envoy/generated/  TypeScript types of the messages that the compiler reads
 * Run: node --conditions=sluice-source packages/core/scripts/build-protos.ts [OUTPUT_DIR]. A test holds the files equal to a fresh run.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { describeTypes } from "./protos/describe-types.ts";
import { addNewerFields } from "./protos/newer-fields.ts";
import { trim, withImports } from "./protos/trim.ts";

const require = createRequire(import.meta.url);
const deps = join(dirname(require.resolve("@grpc/grpc-js-xds/package.json")), "deps");
const here = dirname(fileURLToPath(import.meta.url));

/** Imported by nothing that stays, and importing what the package does not ship (opencensus, prometheus). */
const left = [
  "envoy/config/trace/v3/opencensus.proto",
  "envoy/config/trace/v3/trace.proto",
  "envoy/service/metrics/v3/metrics_service.proto",
  "envoy/service/trace/v3/trace_service.proto",
];

/** The folders and files whose messages the compiler reads; their imports come with them. */
const typed = [
  "envoy/config/bootstrap/v3",
  "envoy/extensions/access_loggers/file/v3",
  "envoy/extensions/access_loggers/stream/v3",
  "envoy/extensions/clusters/dns/v3",
  "envoy/extensions/filters/http/buffer/v3",
  "envoy/extensions/filters/http/header_mutation/v3",
  "envoy/extensions/filters/http/local_ratelimit/v3",
  "envoy/extensions/filters/http/router/v3",
  "envoy/extensions/filters/network/direct_response/v3",
  "envoy/extensions/filters/network/echo/v3",
  "envoy/extensions/filters/network/http_connection_manager/v3",
  "envoy/extensions/filters/network/tcp_proxy/v3",
  "envoy/extensions/http/early_header_mutation/header_mutation/v3",
  "envoy/extensions/http/header_formatters/preserve_case/v3",
  "envoy/extensions/http/original_ip_detection/custom_header/v3",
  "envoy/extensions/http/original_ip_detection/xff/v3",
  "envoy/extensions/internal_redirect/allow_listed_routes/v3",
  "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3",
  "envoy/extensions/load_balancing_policies/common/v3",
  "envoy/extensions/load_balancing_policies/least_request/v3",
  "envoy/extensions/load_balancing_policies/maglev/v3",
  "envoy/extensions/load_balancing_policies/override_host/v3",
  "envoy/extensions/load_balancing_policies/peak_ewma/v3alpha",
  "envoy/extensions/load_balancing_policies/pick_first/v3",
  "envoy/extensions/load_balancing_policies/random/v3",
  "envoy/extensions/load_balancing_policies/ring_hash/v3",
  "envoy/extensions/load_balancing_policies/round_robin/v3",
  "envoy/extensions/load_balancing_policies/subset/v3",
  "envoy/extensions/load_balancing_policies/wrr_locality/v3",
  "envoy/extensions/matching/common_inputs/network/v3",
  "envoy/extensions/matching/input_matchers/consistent_hashing/v3",
  "envoy/extensions/matching/input_matchers/ip/v3",
  "envoy/extensions/matching/input_matchers/metadata/v3",
  "envoy/extensions/matching/input_matchers/runtime_fraction/v3",
  "envoy/extensions/network/dns_resolver/cares/v3",
  "envoy/extensions/network/dns_resolver/getaddrinfo/v3",
  "envoy/extensions/path/match/uri_template/v3",
  "envoy/extensions/path/rewrite/uri_template/v3",
  "envoy/extensions/request_id/uuid/v3",
  "envoy/extensions/transport_sockets/raw_buffer/v3",
  "envoy/extensions/transport_sockets/tls/v3",
  "envoy/extensions/upstreams/http/v3",
  "envoy/type/matcher/v3/http_inputs.proto",
  "xds/type/matcher/v3/domain.proto",
  "xds/type/matcher/v3/ip.proto",
];

export function buildProtos(output: string): void {
  const work = mkdtempSync(join(tmpdir(), "sluice-protos-"));
  try {
    const tree = collect(join(work, "tree"));
    const full = join(work, "full.binpb");
    const paths = ["envoy", "xds", "udpa/type"].flatMap((path) => ["--path", path]);
    run("buf", ["build", "-o", full, "--as-file-descriptor-set", "--exclude-source-info", ...paths], { cwd: tree });
    const set = fromBinary(FileDescriptorSetSchema, readFileSync(full));
    const types = describeTypes(set);
    const trimmed = trim(set);
    mkdirSync(join(output, "assets"), { recursive: true });
    writeFileSync(join(output, "assets/envoy.binpb"), toBinary(FileDescriptorSetSchema, trimmed));
    writeFileSync(join(output, "assets/envoy-types.tsv"), types);
    generateTypes(trimmed, join(output, "src/config/envoy/generated"));
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** One tree of what the package keeps in four, without the v2 API. */
function collect(tree: string): string {
  const oldApi = /\/envoy\/.*\/(v1|v2|v4)(alpha\d*)?(\/|$)/;
  const unused = /\/google\/api\/service(control|management)(\/|$)/;
  const keep = (from: string): boolean =>
    !oldApi.test(from) && !unused.test(from) && !left.some((file) => from.endsWith(file));
  for (const root of ["envoy-api/envoy", "xds/xds", "xds/udpa", "googleapis/google", "protoc-gen-validate/validate"]) {
    cpSync(join(deps, root), join(tree, root.slice(root.indexOf("/"))), { recursive: true, filter: keep });
  }
  cpSync(join(here, "protos/opentelemetry"), join(tree, "opentelemetry"), { recursive: true });
  cpSync(join(here, "protos/newer"), tree, { recursive: true });
  addNewerFields(tree);
  addIgnoreEmpty(join(tree, "validate/validate.proto"));
  writeFileSync(join(tree, "buf.yaml"), "version: v2\nmodules:\n  - path: .\n");
  return tree;
}

/** The shipped validate.proto is older than the protos that use it: StringRules lacks this field. */
function addIgnoreEmpty(file: string): void {
  const text = readFileSync(file, "utf8");
  const patched = text.replace(/optional bool strict = 25 .*$/m, "$&\n    optional bool ignore_empty = 26;");
  if (patched === text) throw new Error("validate.proto has no StringRules.strict any more");
  writeFileSync(file, patched);
}

/** Runs protoc-gen-es as protoc would: the types of google.protobuf come from the library. */
function generateTypes(set: FileDescriptorSet, into: string): void {
  const subset = withImports(set, (name) => typed.some((path) => dirname(name) === path || name === path));
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: subset.file.map((file) => file.name).filter((name) => !name.startsWith("google/protobuf/")),
    parameter: "target=dts,import_extension=js",
    protoFile: subset.file,
  });
  const input = toBinary(CodeGeneratorRequestSchema, request);
  const output = run("protoc-gen-es", [], { input, maxBuffer: 64 * 1024 * 1024 });
  const response = fromBinary(CodeGeneratorResponseSchema, output);
  if (response.error !== "") throw new Error(response.error);
  rmSync(into, { recursive: true, force: true });
  for (const file of response.file) {
    mkdirSync(dirname(join(into, file.name)), { recursive: true });
    writeFileSync(join(into, file.name), file.content);
  }
}

function run(
  program: string,
  args: string[],
  options: { cwd?: string; input?: Uint8Array; maxBuffer?: number },
): Buffer {
  const path = `${resolve(here, "../../../node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
  return execFileSync(program, args, { ...options, env: { ...process.env, PATH: path } });
}

if (import.meta.main) buildProtos(resolve(process.argv[2] ?? join(here, "..")));
