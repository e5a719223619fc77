/**
 * A file of endpoints: Envoy's DiscoveryResponse with ClusterLoadAssignment resources, bare or in a Resource, or one assignment alone; in JSON or YAML. Everything in it
 * is checked, also what belongs to other clusters: it is taken as a whole or not at all.
 */
import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { Registry } from "../../../registry/registry.ts";
import type { HostModel } from "../../../upstream/host.ts";
import { bind, type BindOptions } from "../../envoy/bind.ts";
import type { ClusterLoadAssignment } from "../../envoy/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { type ConfigTree, isMessage } from "../../envoy/tree.ts";
import { formatProblem } from "../../format-problem.ts";
import { Problems } from "../../problems.ts";
import { readSource } from "../../source/read-source.ts";
import type { JsonObject, Source } from "../../source/source.ts";
import { supportTable } from "../../supported.ts";
import { compileAssignment } from "../cluster.ts";
import { CompileContext } from "../context.ts";

export interface AssignmentFile {
  /** Hosts by the assignment's name; null: the file has no resources at all. */
  readonly assignments: ReadonlyMap<string, readonly HostModel[]> | null;
  /** Why the file is not taken: its first problem with its place, and how many more there are; empty: it is. */
  readonly problem: string;
  /** Why a cluster cannot take what it needs. */
  readonly lacks: (service: string) => string;
}

const assignmentType = "envoy.config.endpoint.v3.ClusterLoadAssignment";
const responseType = "envoy.service.discovery.v3.DiscoveryResponse";
const resourceType = "envoy.service.discovery.v3.Resource";

type Response = Message<typeof responseType> & { readonly resources: readonly Any[] };
type Resource = Message<typeof resourceType> & { readonly resource?: Any };

export async function readAssignments(path: string): Promise<AssignmentFile> {
  const problems = new Problems();
  const source = await readSource(path, problems);
  const root = source?.root;
  const assignments = source === undefined || root === undefined ? null : compile(source, root, problems);
  const lacks = (service: string): string => {
    const names = [...(assignments?.keys() ?? [])].map((name) => JSON.stringify(name));
    const found = names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(", ")}, …` : names.join(", ");
    return formatProblem({
      severity: "error",
      code: "ERR_CONFIG_REFERENCE",
      ...(source === undefined || root === undefined
        ? { file: path, line: 0, column: 0, path: "" }
        : source.locate(root)),
      message: `there is no assignment for ${JSON.stringify(service)}`,
      expected: `cluster_name ${JSON.stringify(service)}, found ${found}`,
    });
  };
  return { assignments, problem: problems.hasErrors ? summary(problems) : "", lacks };
}

/** Of those that a problem names. */
const MOST_NAMES = 10;

function compile(source: Source, root: JsonObject, problems: Problems): AssignmentFile["assignments"] {
  const binding: BindOptions = {
    supported: new Map([
      ...supportTable([]),
      [responseType, new Set(["version_info", "resources", "type_url", "canary", "nonce", "control_plane"])],
      ["envoy.config.core.v3.ControlPlane", "all"],
      [resourceType, new Set(["name", "version", "resource"])],
    ]),
    allowUnsupported: false,
    extensionTypes: new Set(),
    problems,
  };
  const isAlone = !Object.hasOwn(root, "@type") && (Object.hasOwn(root, "endpoints") || "cluster_name" in root);
  const found = isAlone
    ? alone(bind<ClusterLoadAssignment>(assignmentType, root, source, binding))
    : resources(bind<Response>(responseType, responseOf(root), source, binding), problems);
  if (found === null) return null;
  const assignments = new Map<string, readonly HostModel[]>();
  const registry = new Registry();
  for (const { tree, assignment } of found) {
    const context = new CompileContext({ tree, locator: source, binding, registry, strict: false, directory: "." });
    if (assignment.policy !== undefined)
      context.unsupported(
        { message: assignment, field: "policy" },
        "the policy of an assignment in a file",
        "it in load_assignment of the cluster",
      );
    const name = assignment.clusterName;
    if (assignments.has(name))
      context.error(
        { message: assignment, field: "cluster_name" },
        "ERR_CONFIG_CONFLICT",
        `a second assignment for ${JSON.stringify(name)}`,
      );
    const endpoints = compileAssignment(context, assignment, false);
    assignments.set(
      name,
      endpoints.map(({ place: _, ...host }) => host),
    );
  }
  return assignments;
}

interface Found {
  readonly tree: ConfigTree;
  readonly assignment: ClusterLoadAssignment;
}

function alone(tree: ConfigTree<ClusterLoadAssignment>): Found[] {
  return [{ tree, assignment: tree.root }];
}

/** One resource with its own type stands for a response with it. */
function responseOf(root: JsonObject): JsonObject {
  const type = root["@type"];
  return typeof type === "string" && !type.endsWith(`/${responseType}`) ? { resources: [root] } : withoutType(root);
}

function withoutType(root: JsonObject): JsonObject {
  delete root["@type"];
  return root;
}

function resources(tree: ConfigTree<Response>, problems: Problems): Found[] | null {
  if (tree.root.resources.length === 0 && !problems.hasErrors) return null;
  const found: Found[] = [];
  for (const [index, any] of tree.root.resources.entries()) {
    let payload = tree.payload(any);
    if (payload?.kind === "message" && isMessage<Resource>(payload.message, resourceType)) {
      const inner: Any | undefined = payload.message.resource;
      payload = inner === undefined ? undefined : tree.payload(inner);
    }
    const message = payload?.kind === "message" ? payload.message : undefined;
    if (isMessage<ClusterLoadAssignment>(message, assignmentType)) found.push({ tree, assignment: message });
    else if (!tree.isDamaged(tree.root))
      problems.error(tree.at(tree.root, "resources", index), {
        code: "ERR_CONFIG_TYPE",
        message: `found ${payload?.typeName ?? "an empty resource"}`,
        expected: assignmentType,
      });
  }
  return found;
}

function summary(problems: Problems): string {
  const errors = problems.sorted().filter(({ severity }) => severity === "error");
  const more = errors.length - 1;
  return `${formatProblem(errors[0]!)}${more === 0 ? "" : ` (and ${more} more)`}`;
}
