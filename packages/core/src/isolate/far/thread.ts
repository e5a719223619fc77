/** The entry of a thread that isolates a filter: loads its module, runs schema and `create`, then serves its worker until the port closes. */
import { once } from "node:events";
import type { MessagePort } from "node:worker_threads";
import type { FilterContext } from "@sluice/sdk";
import { checkHooks } from "../../registry/hooks.ts";
import { type AnyHttpFilterDefinition, Registry } from "../../registry/registry.ts";
import { judge } from "../../registry/schema.ts";
import { ASKED, type FarStart, type ToFarMessage, toFarError, WATCH_THREAD } from "../protocol.ts";
import { ownThreadNumber } from "../thread-times.ts";
import { FarContext, type Levels } from "./far-context.ts";
import { FarFilter, type FarHooks } from "./far-filter.ts";
import { Outbox } from "./outbox.ts";

const ALL_LEVELS = 0b1111;
const TOLD = ["onLocalReply", "onStreamComplete", "onDestroy", "dispose"] as const;

// oxlint-disable-next-line import/no-default-export -- what piscina calls
export default async function serve({ start, port }: { start: FarStart; port: MessagePort }): Promise<void> {
  const words = new Int32Array(start.watch);
  words[WATCH_THREAD] = ownThreadNumber();
  const outbox = new Outbox(port, words);
  // A promise that a filter dropped must not take all its streams with it. An exception that nobody caught does.
  process.on("unhandledRejection", (reason) => outbox.add(["rejection", toFarError(reason)]));
  const closed = once(port, "close");
  try {
    const filter = await makeFilter(start, outbox);
    port.on("message", (message: ToFarMessage) => filter.receive(message));
  } catch (error) {
    outbox.add(["refused", error instanceof Error ? error.message : String(error)]);
    port.ref();
  }
  await closed;
}

async function makeFilter(start: FarStart, outbox: Outbox): Promise<FarFilter> {
  const definition = await load(start);
  const verdict = judge(definition.config, start.config);
  if (!verdict.ok) throw new TypeError(verdict.issues.map((i) => `${i.path.join(".")} ${i.message}`.trim()).join("; "));
  const levels: Levels = { bits: ALL_LEVELS };
  const context = new FarContext(start, definition.calls === true, outbox, levels);
  const hooks = (await definition.create(verdict.value as never, context as unknown as FilterContext)) as FarHooks;
  const wrong = checkHooks("http", definition.id, hooks);
  if (wrong !== null) throw new TypeError(wrong);
  const names = [...ASKED, ...TOLD].filter((name) => hooks[name] !== undefined);
  outbox.add(["ready", names]);
  return new FarFilter(start, definition, hooks, context, levels, outbox);
}

async function load({ module, id }: FarStart): Promise<AnyHttpFilterDefinition> {
  const registry = new Registry();
  const [problem] = await registry.load([module]);
  if (problem !== undefined) throw new TypeError(`${problem.source} ${problem.message}`);
  const definition = registry.http(id);
  if (definition === undefined) throw new TypeError(`${module.specifier} has no HTTP filter "${id}"`);
  return definition;
}
