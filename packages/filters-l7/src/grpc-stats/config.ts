/** Configuration of grpc_stats: envoy.extensions.filters.http.grpc_stats.v3.FilterConfig. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface GrpcStatsSettings {
  /** Whether the stream carries the numbers of messages, for logs and later filters. */
  readonly emitsState: boolean;
  /** `all`: every method has counters of its own; a set: these paths have; null: none has. */
  readonly methods: "all" | ReadonlySet<string> | null;
  readonly timesUpstream: boolean;
  /** In the names of services, where all methods have counters. */
  readonly replacesDots: boolean;
}

const FIELDS = [
  "emit_filter_state",
  "individual_method_stats_allowlist",
  "stats_for_all_methods",
  "enable_upstream_stats",
  "replace_dots_in_grpc_service_name",
];
const LIST = ["services"];
const SERVICE = ["name", "method_names"];

export const GRPC_STATS_MESSAGES = {
  "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig": FIELDS,
  "envoy.config.core.v3.GrpcMethodList": LIST,
  "envoy.config.core.v3.GrpcMethodList.Service": SERVICE,
};

export const grpcStatsConfig = parsedBy((value): GrpcStatsSettings => {
  const section = new Section(value ?? {}, FIELDS);
  const listed = parseMethods(section);
  if (listed !== null && section.has("stats_for_all_methods"))
    throw section.wrong(
      "stats_for_all_methods",
      "stats_for_all_methods and individual_method_stats_allowlist are both set",
    );
  return {
    emitsState: section.boolean("emit_filter_state", false),
    methods: listed ?? (section.boolean("stats_for_all_methods", false) ? "all" : null),
    timesUpstream: section.boolean("enable_upstream_stats", false),
    replacesDots: section.boolean("replace_dots_in_grpc_service_name", false),
  };
});

/** Paths of methods; null: there is no list. */
function parseMethods(section: Section): ReadonlySet<string> | null {
  const list = section.section("individual_method_stats_allowlist", LIST);
  if (list === null) return null;
  const paths = new Set<string>();
  for (const service of list.list("services", SERVICE)) {
    const name = service.string("name");
    if (name === "" || name.includes("/"))
      throw service.wrong("name", "expected the name of a service: package.Service");
    const methods = service.get("method_names") ?? [];
    if (!Array.isArray(methods) || methods.length === 0)
      throw service.wrong("method_names", "expected the names of methods");
    for (const [i, method] of methods.entries()) {
      if (typeof method !== "string" || method === "" || method.includes("/"))
        throw service.wrong("method_names", `expected the name of a method at ${i}`);
      paths.add(`/${name}/${method}`);
    }
  }
  return paths;
}
