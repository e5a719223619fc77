/** A definition like another, whose hooks a check can watch and call again. */
import { HTTP_FILTER_HOOKS, NETWORK_FILTER_HOOKS } from "@sluice/sdk";
import type { AnyDefinition } from "../setup.ts";

type Hook = (...args: unknown[]) => unknown;

/** What was made of a definition. */
export interface Instance {
  /** The hooks that it has, bound to it. */
  readonly hooks: Readonly<Record<string, Hook>>;
}

export interface Instrumented {
  readonly definition: AnyDefinition;
  readonly instances: readonly Instance[];
  /** Calls of hooks, in order, with the handle that they got. */
  readonly calls: readonly HookCall[];
}

export interface HookCall {
  readonly hook: string;
  /** The stream or connection; null for `dispose`. */
  readonly handle: object | null;
}

const NAMES: readonly string[] = [...new Set([...HTTP_FILTER_HOOKS, ...NETWORK_FILTER_HOOKS])];

export function instrument(definition: AnyDefinition): Instrumented {
  const instances: Instance[] = [];
  const calls: HookCall[] = [];
  const create: AnyDefinition["create"] = async (config, context) => {
    const made = (await definition.create(config, context)) as Readonly<Record<string, Hook | undefined>>;
    const hooks: Record<string, Hook> = {};
    const watched: Record<string, Hook> = {};
    for (const name of NAMES) {
      const hook = made[name]?.bind(made) as Hook | undefined;
      if (hook === undefined) continue;
      hooks[name] = hook;
      watched[name] = (...args) => {
        const handle = name === "dispose" ? null : (args.at(-1) as object);
        calls.push({ hook: name, handle });
        return hook(...args);
      };
    }
    instances.push({ hooks });
    return watched;
  };
  return { definition: { ...definition, create }, instances, calls };
}
