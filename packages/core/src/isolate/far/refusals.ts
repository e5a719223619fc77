/** What an isolated filter uses and cannot have: a sentence that names it, where a missing property would be `undefined` or a crash elsewhere. */

/** What the language and its libraries look for on any object. */
const HARMLESS: ReadonlySet<string> = new Set([
  "then",
  "toJSON",
  "constructor",
  "nodeType",
  "asymmetricMatch",
  "$$typeof",
]);

/** A prototype for the end of a chain: whatever is not found before it throws. */
export function refusingPrototype(what: string): object {
  return new Proxy(Object.create(null) as object, {
    get(_target, key) {
      if (typeof key === "symbol" || HARMLESS.has(key) || key in Object.prototype)
        return Reflect.get(Object.prototype, key);
      throw new TypeError(`${what}.${key} cannot be had outside of inline (runtime: worker)`);
    },
    has: (_target, key) => key in Object.prototype,
  });
}

export function undeclared(what: string, attribute: string): TypeError {
  return new TypeError(`${what}: outside of inline a filter sees what it declares; add "${attribute}" to its reads`);
}
