/** `sluice bench` without a terminal: finds what is to be measured, runs the rounds, compares, saves. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { SDK_VERSION } from "@sluice/sdk";
import { type Baseline, readBaseline, writeBaseline } from "./baseline.ts";
import { type BundledModule, bundleModules, unpackBundles } from "./bundle.ts";
import { OLD, compareSideBySide, compareWithNumbers } from "./compare.ts";
import { LEAST_ROUNDS } from "./decide.ts";
import { checkEndToEnd, runEndToEnd } from "./end-to-end.ts";
import { inspectInProcess } from "./process.ts";
import { costsOf, filterVariant, variantsOf } from "./report.ts";
import { type Effort, runRounds } from "./rounds.ts";
import { type Builtins, type SubjectOptions, findSubject } from "./subject.ts";
import { BenchError, type BenchReport, type Subject, type Traffic, type Variant } from "./types.ts";

export interface BenchOptions extends SubjectOptions {
  /** Files. */
  readonly compare?: string;
  readonly save?: string;
  /** Processes, one after the other. @default 8, to compare 14 */
  readonly rounds?: number;
  readonly endToEnd?: boolean;
  /** Length of each load. @default 3 */
  readonly seconds?: number;
  /** Less of it is quicker, and says less. */
  readonly effort?: Effort;
  readonly onProgress?: (text: string) => void;
}

const ROUNDS = 8;
/** Two of them may disagree. */
const COMPARED_ROUNDS = 14;
const CHECK_MS = 60_000;

/** @throws BenchError */
export async function runBench(
  target: string,
  directory: string,
  builtins: Builtins,
  options: BenchOptions = {},
): Promise<BenchReport> {
  const { onProgress = () => {} } = options;
  const baseline = options.compare === undefined ? null : readBaseline(options.compare);
  const rounds = options.rounds ?? (baseline === null ? ROUNDS : COMPARED_ROUNDS);
  if (baseline !== null && rounds < LEAST_ROUNDS)
    throw new BenchError(`--rounds ${rounds}: a comparison takes at least ${LEAST_ROUNDS}`);
  const found = await findSubject(target, directory, builtins, options);
  const { traffic } = found;
  if (options.endToEnd === true) await checkEndToEnd(found.subject);
  const notes = [...found.notes];
  if (baseline !== null && baseline.chain.kind !== found.subject.kind) {
    throw new BenchError(
      `the baseline is of a ${baseline.chain.kind} filter (${baseline.target}), ${target} is a ${found.subject.kind} filter`,
    );
  }
  if (baseline !== null && baseline.traffic !== trafficDigest(traffic)) {
    notes.push("the baseline was measured with other requests: both versions get the ones of now");
    if (baseline.code === null)
      throw new BenchError("the baseline has other requests and no code: it cannot be compared with");
  }
  const temporary = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const bundled =
      options.save === undefined && baseline === null
        ? null
        : await bundledSubject(found.subject, join(temporary, "new"));
    if (bundled?.noCode !== undefined && bundled.noCode !== "")
      notes.push(`the code is not stored: ${bundled.noCode}; a comparison will go by numbers, which is much coarser`);
    const subject = bundled?.subject ?? found.subject;
    const old = baseline === null ? null : oldSubject(baseline, join(temporary, "old"));
    if (old !== null && isSame(baseline!, bundled?.bundles ?? null, subject))
      notes.push("code and configuration are those of the baseline");
    const variants = old === null ? variantsOf(subject, 0) : comparedVariants(subject, old);
    onProgress(`${subject.label}: ${rounds} processes\n`);
    const samples = await runRounds({
      ...options.effort,
      subjects: old === null ? [subject] : [subject, old],
      traffic,
      variants,
      rounds,
      hooksOf: [filterVariant(subject.filters.length)],
      onRound: (done) => onProgress(`\r${done} `),
    });
    onProgress("\r");
    const costs = costsOf(samples, subject);
    const comparison =
      baseline === null
        ? null
        : old === null
          ? compareWithNumbers(costs, baseline, options.compare!)
          : compareSideBySide(samples, filterVariant(subject.filters.length), options.compare!);
    if (options.save !== undefined) {
      const { modules: _, ...chain } = subject;
      writeBaseline(options.save, {
        target,
        savedAt: new Date().toISOString(),
        node: process.version,
        sluice: SDK_VERSION,
        machine: machine(),
        traffic: trafficDigest(traffic),
        chain,
        code: bundled?.bundles ?? null,
        noCode: bundled?.noCode ?? "",
        numbers: { ns: costs.total.ns, bytes: costs.total.bytes, referenceNs: costs.referenceNs },
      });
    }
    const endToEnd =
      options.endToEnd === true
        ? await runEndToEnd({
            subject: found.subject,
            traffic,
            messages: messagesOf(builtins),
            seconds: options.seconds ?? 3,
            directory: temporary,
            onProgress,
          })
        : null;
    return {
      target,
      label: subject.label,
      kind: subject.kind,
      node: process.version,
      sluice: SDK_VERSION,
      machine: machine(),
      rounds: samples.length,
      ...costs,
      comparison,
      endToEnd,
      notes: [...notes, ...costs.notes],
    };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** New and old at the two ends: reversed, each is where the other was. */
function comparedVariants(subject: Subject, old: Subject): Variant[] {
  const variants = variantsOf(subject, 0);
  return [variants.pop()!, ...variants, { name: OLD, role: "subject", subject: 1, upTo: old.filters.length }];
}

interface Bundled {
  readonly subject: Subject;
  readonly bundles: readonly BundledModule[] | null;
  /** Empty where there are bundles. */
  readonly noCode: string;
}

/** The subject from its bundles, so that old and new are made the same way; from its modules where they cannot be bundled or do not load from a bundle. */
async function bundledSubject(subject: Subject, directory: string): Promise<Bundled> {
  const result = await bundleModules(subject.modules);
  if ("problem" in result) return { subject, bundles: null, noCode: result.problem };
  const modules = unpackBundles(result.bundles, directory);
  try {
    await inspectInProcess(modules, CHECK_MS);
  } catch (error) {
    return { subject, bundles: null, noCode: `as one file it does not load: ${(error as Error).message}` };
  }
  return { subject: { ...subject, modules }, bundles: result.bundles, noCode: "" };
}

function oldSubject(baseline: Baseline, directory: string): Subject | null {
  if (baseline.code === null) return null;
  return {
    ...baseline.chain,
    label: `${baseline.target} of ${baseline.savedAt}`,
    modules: unpackBundles(baseline.code, directory),
  };
}

function isSame(baseline: Baseline, bundles: readonly BundledModule[] | null, subject: Subject): boolean {
  const digests = (list: readonly BundledModule[] | null): string => (list ?? []).map(({ digest }) => digest).join();
  return (
    bundles !== null &&
    digests(baseline.code) === digests(bundles) &&
    JSON.stringify([baseline.chain.filters, baseline.chain.routes]) ===
      JSON.stringify([subject.filters, subject.routes])
  );
}

function messagesOf({ registry }: Builtins): Parameters<typeof runEndToEnd>[0]["messages"] {
  const messages = new Map<string, { readonly config: string; readonly route: string | undefined }>();
  for (const { definition } of registry.all()) {
    const [config] = Object.keys(definition.messages ?? {});
    if (config !== undefined) messages.set(definition.id, { config, route: definition.routeMessage });
  }
  return messages;
}

function trafficDigest(traffic: Traffic): string {
  const hash = createHash("sha256").update(
    JSON.stringify(traffic, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
    ),
  );
  return hash.digest("hex");
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model ?? "unknown processor"}`;
}
