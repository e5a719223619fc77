/** The imports of the world in the form of core functions: numbers in, numbers out, the rest in the component's memory. */
import { GuestError, type GuestMemory } from "./guest-memory.ts";
import type { GuestHost } from "./guest.ts";
import { LOG_LEVELS, interfaceName } from "./world.ts";

/** `memoryOf` answers once the instance is made; code that runs while it is made has none. */
export function plainImports(host: GuestHost, memoryOf: () => GuestMemory | undefined): object {
  const memory = (): GuestMemory => {
    const found = memoryOf();
    if (found === undefined) throw new GuestError("the component calls its host before it is made");
    found.refresh();
    return found;
  };
  const text = (at: number, length: number): string => memory().text(at >>> 0, length >>> 0);
  return {
    [interfaceName("host")]: {
      log: (level: number, at: number, length: number) => {
        const name = LOG_LEVELS[level];
        if (name === undefined) throw new GuestError(`the component logs at a level that does not exist: ${level}`);
        host.log(name, text(at, length));
      },
      counter: (at: number, length: number) => host.counter(text(at, length)),
      increment: (counter: number, amount: number) => host.increment(counter >>> 0, amount >>> 0),
      now: () => host.now(),
      "wall-now": () => host.wallNow(),
      random: () => host.random(),
    },
    [interfaceName("this-stream")]: {
      attribute: (at: number, length: number, to: number) =>
        memory().writeOptionalText(host.attribute(text(at, length)), to >>> 0),
      "route-config": (to: number) => memory().writeOptionalText(host.routeConfig(), to >>> 0),
      metadata: (at: number, length: number, to: number) =>
        memory().writeOptionalText(host.metadata(text(at, length)), to >>> 0),
      "set-metadata": (at: number, length: number, valuesAt: number, valuesLength: number) =>
        host.setMetadata(text(at, length), text(valuesAt, valuesLength)),
    },
    [interfaceName("calls")]: {
      start: (...words: readonly number[]) => {
        const at = (index: number): number => words[index]! >>> 0;
        return host.startCall({
          cluster: text(at(0), at(1)),
          method: text(at(2), at(3)),
          path: text(at(4), at(5)),
          authority: text(at(6), at(7)),
          headers: memory().texts(at(8), at(9)),
          body: memory().bytesOf(at(10), at(11)),
          timeoutMs: at(12),
        });
      },
    },
    [interfaceName("timers")]: { start: (ms: number) => host.startTimer(ms >>> 0) },
  };
}
