/**
 * Stack traces of code from bundles, in the lines of the files that it was written in. Node reads source maps for modules only, so that this
 * thread formats its traces itself, from the first bundle on. Maps go with the code that they belong to.
 */
import { SourceMap } from "node:module";

interface KeptMap {
  readonly text: string;
  /** What the paths of its sources are relative to. */
  readonly base: string;
  parsed: SourceMap | null;
}

type Prepare = (error: Error, sites: NodeJS.CallSite[]) => unknown;

/** By the name under which the code was compiled. */
const maps = new Map<string, KeptMap>();
const forgotten = new FinalizationRegistry<string>((name) => maps.delete(name));
/** Where errors were thrown, of those whose stack was read. */
const places = new WeakMap<object, string>();
let previous: Prepare | undefined;
let isInstalled = false;

/** @param owner the map is kept as long as this object lives. */
export function keepSourceMap(name: string, text: string, base: string, owner: object): void {
  if (!isInstalled) install();
  maps.set(name, { text, base, parsed: null });
  forgotten.register(owner, name);
}

/** `file:line:column` of the line of a bundle's sources that threw; undefined where none did. */
export function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Formatted when it is first read.
  void error.stack;
  return places.get(error);
}

function install(): void {
  isInstalled = true;
  previous = Error.prepareStackTrace as Prepare | undefined;
  Error.prepareStackTrace = prepareStackTrace;
}

function prepareStackTrace(error: Error, sites: NodeJS.CallSite[]): unknown {
  const ours = sites.find((site) => maps.has(site.getScriptNameOrSourceURL() ?? ""));
  if (ours === undefined && previous !== undefined) return previous(error, sites);
  const place = ours === undefined ? undefined : originalPlace(ours);
  if (place !== undefined) places.set(error, place);
  return [headOf(error), ...sites.map((site) => `    at ${shownSite(site)}`)].join("\n");
}

function headOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

function shownSite(site: NodeJS.CallSite): string {
  // V8's own text of it, which the types do not mention.
  const text = `${site as unknown as string}`;
  const place = originalPlace(site);
  if (place === undefined) return text;
  return text.replace(
    `${site.getScriptNameOrSourceURL()}:${site.getLineNumber()}:${site.getColumnNumber()}`,
    () => place,
  );
}

function originalPlace(site: NodeJS.CallSite): string | undefined {
  const kept = maps.get(site.getScriptNameOrSourceURL() ?? "");
  const line = site.getLineNumber();
  const column = site.getColumnNumber();
  if (kept === undefined || line === null || column === null) return undefined;
  kept.parsed ??= new SourceMap(JSON.parse(kept.text) as ConstructorParameters<typeof SourceMap>[0]);
  const entry = kept.parsed.findEntry(line - 1, column - 1);
  if (!("originalSource" in entry)) return undefined;
  return `${new URL(entry.originalSource, kept.base).href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}
