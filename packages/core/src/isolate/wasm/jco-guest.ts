/** A component by what jco made of it: for every component that is not plain. Slower per call, and the same to the filter. */
import { GuestError } from "./guest-memory.ts";
import {
  type CallAnswer,
  type DataHook,
  type EditKind,
  type FieldsHook,
  type Guest,
  type GuestHost,
  type GuestReply,
  Outcome,
  type VerdictName,
} from "./guest.ts";
import type { CoreModule } from "./webassembly.ts";
import { type ComponentHook, EDIT_KINDS, HOOKS, LIFECYCLE, PACKAGE, VERDICTS } from "./world.ts";

/** `instantiate` of a transpiled component. */
export type Instantiate = (getCoreModule: (path: string) => CoreModule, imports: object) => Faces;

type Faces = Readonly<Record<string, Readonly<Record<string, JcoFunction>> | undefined>>;
type JcoFunction = (...values: readonly unknown[]) => unknown;

interface JcoOutcome {
  readonly verdict: VerdictName;
  readonly edits: ReadonlyArray<{ readonly kind: EditKind; readonly name: string; readonly value: string }>;
  readonly data?: Uint8Array | undefined;
  readonly reply?: GuestReply | undefined;
}

export class JcoGuest implements Guest {
  readonly #hooks: Readonly<Partial<Record<ComponentHook, JcoFunction>>>;
  readonly #configure: JcoFunction;
  readonly #outcome = new Outcome();

  /** `others`: imports beside the world's own, by interface. */
  constructor(
    instantiate: Instantiate,
    modules: ReadonlyMap<string, CoreModule>,
    host: GuestHost,
    others: Readonly<Record<string, object>>,
  ) {
    const faces = instantiate((path) => modules.get(path)!, { ...others, ...worldImports(host) });
    const hooks: Partial<Record<ComponentHook, JcoFunction>> = {};
    for (const [hook, { face, name }] of Object.entries(HOOKS)) {
      const found = faces[camel(face)]?.[camel(name)];
      if (found !== undefined) hooks[hook as ComponentHook] = found;
    }
    this.#hooks = hooks;
    const configure = faces[LIFECYCLE.face]?.[LIFECYCLE.name];
    if (configure === undefined) throw new GuestError("the component does not export sluice:filter/lifecycle");
    this.#configure = configure;
  }

  has(hook: ComponentHook): boolean {
    return this.#hooks[hook] !== undefined;
  }

  configure(config: string): string | null {
    try {
      this.#configure(config);
      return null;
    } catch (error) {
      // The error of the result itself; everything else is an object.
      if (typeof error === "string") return error;
      throw error;
    }
  }

  fields(hook: FieldsHook, stream: number, fields: readonly string[], count: number, end: boolean): Outcome {
    return this.#lift(this.#hooks[hook]!(stream, fields.slice(0, count), end));
  }

  data(hook: DataHook, stream: number, data: Uint8Array, end: boolean): Outcome {
    return this.#lift(this.#hooks[hook]!(stream, data, end));
  }

  localReply(stream: number, status: number, details: string): void {
    this.#hooks.localReply!(stream, status, details);
  }

  callResponse(stream: number, call: number, answer: CallAnswer): Outcome {
    const result = typeof answer === "string" ? { tag: "err", val: answer } : { tag: "ok", val: answer };
    return this.#lift(this.#hooks.callResponse!(stream, call, result));
  }

  timer(stream: number, timer: number): Outcome {
    return this.#lift(this.#hooks.timer!(stream, timer));
  }

  streamComplete(stream: number): void {
    this.#hooks.streamComplete!(stream);
  }

  streamEnd(stream: number): void {
    this.#hooks.streamEnd!(stream);
  }

  #lift(returned: unknown): Outcome {
    const { verdict, edits, data, reply } = returned as JcoOutcome;
    const outcome = this.#outcome;
    outcome.clear();
    outcome.verdict = VERDICTS.indexOf(verdict) as 0 | 1 | 2 | 3;
    for (const { kind, name, value } of edits) outcome.edit(EDIT_KINDS.indexOf(kind), name, value);
    outcome.data = data ?? null;
    outcome.reply = reply ?? null;
    return outcome;
  }
}

function worldImports(host: GuestHost): Readonly<Record<string, object>> {
  return {
    [`${PACKAGE}/types`]: {},
    [`${PACKAGE}/host`]: {
      log: host.log.bind(host),
      counter: host.counter.bind(host),
      increment: host.increment.bind(host),
      now: host.now.bind(host),
      wallNow: host.wallNow.bind(host),
      random: host.random.bind(host),
    },
    [`${PACKAGE}/this-stream`]: {
      attribute: host.attribute.bind(host),
      routeConfig: host.routeConfig.bind(host),
      metadata: host.metadata.bind(host),
      setMetadata: host.setMetadata.bind(host),
    },
    [`${PACKAGE}/calls`]: { start: host.startCall.bind(host) },
    [`${PACKAGE}/timers`]: { start: host.startTimer.bind(host) },
  };
}

/** How jco writes a name of WIT. */
export function camel(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}
