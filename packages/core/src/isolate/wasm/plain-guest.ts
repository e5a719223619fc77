/**
 * Hot path: docs/extending/hot-path-rules.md. The canonical ABI of the one world of packages/sdk/wit/filter.wit, for components of one plain core module: what jco makes for any world costs
 * five to ten times as much per call.
 */
import { GuestError, GuestMemory } from "./guest-memory.ts";
import { type CallAnswer, type DataHook, type FieldsHook, type Guest, type GuestHost, Outcome } from "./guest.ts";
import { plainImports } from "./plain-imports.ts";
import {
  type CoreExports,
  type CoreFunction,
  type CoreMemory,
  type CoreModule,
  Instance,
  Module,
} from "./webassembly.ts";
import { type ComponentHook, HOOKS, HOOK_NAMES, IMPORTS, LIFECYCLE, coreName, interfaceName } from "./world.ts";

/** Where the fields of `outcome` stand. */
const AT = { verdict: 0, edits: 4, data: 12, reply: 24, size: 56 } as const;
const REPLY = { status: 28, headers: 32, body: 40, details: 48 } as const;
const EDIT = { kind: 0, name: 4, value: 12, size: 20 } as const;
/** More would only be work for the proxy. */
const MAX_EDITS = 1024;

const NOTHING: CoreFunction = () => 0;

/** Whether the module wants nothing but what the world offers, and gives its functions in their plain form. */
export function isPlain(module: CoreModule): boolean {
  const faces = new Map(Object.entries(IMPORTS).map(([face, names]) => [interfaceName(face), names]));
  for (const { module: face, name, kind } of Module.imports(module)) {
    if (kind !== "function" || faces.get(face)?.includes(name) !== true) return false;
  }
  const kinds = new Map(Module.exports(module).map(({ name, kind }) => [name, kind]));
  return (
    kinds.get("memory") === "memory" &&
    kinds.get("cabi_realloc") === "function" &&
    kinds.get(coreName(LIFECYCLE.face, LIFECYCLE.name)) === "function"
  );
}

export class PlainGuest implements Guest {
  readonly #exports: CoreExports;
  readonly #memory: GuestMemory;
  readonly #hooks: Readonly<Partial<Record<ComponentHook, CoreFunction>>>;
  readonly #after: Readonly<Record<ComponentHook, CoreFunction>>;
  readonly #outcome = new Outcome();

  constructor(module: CoreModule, host: GuestHost) {
    const imports = plainImports(host, () => this.#memory);
    const { exports } = new Instance(module, imports);
    this.#exports = exports;
    this.#memory = new GuestMemory(exports["memory"] as CoreMemory, exports["cabi_realloc"] as CoreFunction);
    const hooks: Partial<Record<ComponentHook, CoreFunction>> = {};
    const after: Partial<Record<ComponentHook, CoreFunction>> = {};
    for (const hook of HOOK_NAMES) {
      const { face, name, arity } = HOOKS[hook];
      after[hook] = NOTHING;
      const found = this.#function(coreName(face, name), arity);
      if (found === undefined) continue;
      hooks[hook] = found;
      after[hook] = this.#function(`cabi_post_${coreName(face, name)}`, 1) ?? NOTHING;
    }
    this.#hooks = hooks;
    this.#after = after as Record<ComponentHook, CoreFunction>;
    this.#function("_initialize", 0)?.();
    this.#memory.refresh();
  }

  has(hook: ComponentHook): boolean {
    return this.#hooks[hook] !== undefined;
  }

  configure(config: string): string | null {
    const memory = this.#memory;
    const name = coreName(LIFECYCLE.face, LIFECYCLE.name);
    const configure = this.#function(name, LIFECYCLE.arity)!;
    const text = memory.writeText(config);
    const at = configure(text, memory.written) >>> 0;
    memory.refresh();
    memory.range(at, 12);
    const problem = memory.byte(at) === 0 ? null : memory.textAt(at + 4);
    this.#function(`cabi_post_${name}`, 1)?.(at);
    memory.refresh();
    return problem;
  }

  fields(hook: FieldsHook, stream: number, fields: readonly string[], count: number, end: boolean): Outcome {
    const table = this.#memory.writeTexts(fields, count);
    // Hooks without `end` take one number less; what is too much is not looked at.
    return this.#lift(hook, this.#hooks[hook]!(stream, table, count, end ? 1 : 0));
  }

  data(hook: DataHook, stream: number, data: Uint8Array, end: boolean): Outcome {
    const at = this.#memory.writeBytes(data);
    return this.#lift(hook, this.#hooks[hook]!(stream, at, data.length, end ? 1 : 0));
  }

  localReply(stream: number, status: number, details: string): void {
    const at = this.#memory.writeText(details);
    this.#hooks.localReply!(stream, status, at, this.#memory.written);
  }

  callResponse(stream: number, call: number, answer: CallAnswer): Outcome {
    const memory = this.#memory;
    const hook = this.#hooks.callResponse!;
    if (typeof answer === "string") {
      const at = memory.writeText(answer);
      return this.#lift("callResponse", hook(stream, call, 1, at, memory.written, 0, 0, 0));
    }
    const { status, headers, body } = answer;
    const table = memory.writeTexts(headers, headers.length);
    const at = memory.writeBytes(body);
    return this.#lift("callResponse", hook(stream, call, 0, status, table, headers.length, at, body.length));
  }

  timer(stream: number, timer: number): Outcome {
    return this.#lift("timer", this.#hooks.timer!(stream, timer));
  }

  streamComplete(stream: number): void {
    this.#hooks.streamComplete!(stream);
  }

  streamEnd(stream: number): void {
    this.#hooks.streamEnd!(stream);
  }

  #function(name: string, arity: number): CoreFunction | undefined {
    const found = this.#exports[name];
    if (found === undefined) return undefined;
    if (typeof found !== "function" || found.length !== arity)
      throw new GuestError(`its function ${name} is not of the form that sluice:filter has`);
    return found as CoreFunction;
  }

  #lift(hook: ComponentHook, returned: number): Outcome {
    const memory = this.#memory;
    const outcome = this.#outcome;
    const at = returned >>> 0;
    memory.refresh();
    memory.range(at, AT.size);
    outcome.clear();
    const verdict = memory.byte(at + AT.verdict);
    if (verdict > 3) throw new GuestError(`the component returned a verdict that does not exist: ${verdict}`);
    outcome.verdict = verdict as 0 | 1 | 2 | 3;
    const edits = memory.word(at + AT.edits + 4);
    if (edits > 0) this.#liftEdits(outcome, memory.word(at + AT.edits), edits);
    if (memory.byte(at + AT.data) !== 0)
      outcome.data = memory.bytesOf(memory.word(at + AT.data + 4), memory.word(at + AT.data + 8));
    if (memory.byte(at + AT.reply) !== 0) {
      outcome.reply = {
        status: memory.half(at + REPLY.status),
        headers: memory.texts(memory.word(at + REPLY.headers), memory.word(at + REPLY.headers + 4)),
        body: memory.bytesOf(memory.word(at + REPLY.body), memory.word(at + REPLY.body + 4)),
        details: memory.textAt(at + REPLY.details),
      };
    }
    this.#after[hook](returned);
    return outcome;
  }

  #liftEdits(outcome: Outcome, start: number, count: number): void {
    if (count > MAX_EDITS) throw new GuestError(`the component returned ${count} edits, at most ${MAX_EDITS} may be`);
    const memory = this.#memory;
    memory.range(start, count * EDIT.size);
    for (let i = 0; i < count; i++) {
      const at = start + i * EDIT.size;
      const kind = memory.byte(at + EDIT.kind);
      if (kind > 2) throw new GuestError(`the component returned an edit of a kind that does not exist: ${kind}`);
      outcome.edit(kind, memory.textAt(at + EDIT.name), memory.textAt(at + EDIT.value));
    }
  }
}
