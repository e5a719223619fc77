/**
 * How honest `sluice bench` is, measured as often as a claim needs: filters of known cost, an unchanged filter compared with itself 20 times, one made 10 % slower 20 times.
 * `node --expose-gc --conditions=sluice-source bench/honesty.ts [--part known|same|slower] [--repeats 20] [--minutes 60]`. Ends with 1 where a promise is not kept.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { allocatedBy, spinNs, turnsFor } from "../test/bench/known-cost.ts";
import { FilterPackage, bench } from "../test/bench/world.ts";

const TOLERANCE = 0.15;
/** Of 20. */
const LEAST_FOUND = 18;
const SLOWER = 1.1;

const { values } = parseArgs({
  options: {
    repeats: { type: "string", default: "20" },
    minutes: { type: "string", default: "60" },
    part: { type: "string", default: "" },
  },
});
const repeats = Number(values.repeats);
const deadline = performance.now() + Number(values.minutes) * 60_000;
let isKept = true;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function judge(what: string, ok: boolean): void {
  isKept &&= ok;
  say(`${ok ? "kept  " : "BROKEN"}  ${what}`);
}

async function knownTime(ns: number): Promise<void> {
  const turns = turnsFor(ns);
  await using filter = await FilterPackage.make({ config: { turns } });
  const before = spinNs(turns);
  const { total } = (await bench(filter.directory, "--json")).report();
  const known = Math.min(before, spinNs(turns));
  const error = total.ownNs.median / known - 1;
  judge(
    `busy ${known.toFixed(0)} ns: measured ${total.ownNs.median.toFixed(0)} ns, ${percent(error)}`,
    Math.abs(error) < TOLERANCE,
  );
}

async function knownBytes(bytes: number): Promise<void> {
  await using filter = await FilterPackage.make({ config: { bytes } });
  const known = allocatedBy(bytes);
  const { total } = (await bench(filter.directory, "--json")).report();
  const error = total.ownBytes / known - 1;
  judge(
    `allocates ${known.toFixed(0)} bytes: measured ${total.ownBytes.toFixed(0)}, ${percent(error)}`,
    Math.abs(error) < TOLERANCE,
  );
}

/** The version of now against a baseline whose code does `factor` times less. Returns how many comparisons were alarms, and how many there were. */
async function alarms(factor: number): Promise<{ readonly alarms: number; readonly runs: number }> {
  const turns = turnsFor(2000);
  await using filter = await FilterPackage.make({ config: { turns } });
  const baseline = filter.file("baseline.json");
  await bench(filter.directory, "--rounds", "1", "--save", baseline);
  if (factor !== 1) {
    const source = await readFile(filter.file("index.ts"), "utf8");
    await writeFile(filter.file("index.ts"), source.replace("spin(turns)", `spin(${Math.round(turns * factor)})`));
  }
  let found = 0;
  let runs = 0;
  for (; runs < repeats && performance.now() < deadline; runs++) {
    const { code, report } = await bench(filter.directory, "--compare", baseline, "--json");
    if (code === 1) found++;
    const { change, p, noise, verdict, bytesVerdict } = report().comparison!;
    say(
      `        ${percent(change)}, noise ${percent(noise)}, p ${p.toPrecision(2)}: ${verdict}, bytes ${bytesVerdict}`,
    );
  }
  return { alarms: found, runs };
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(share * 100).toFixed(1)} %`;
}

const wants = (part: string): boolean => values.part === "" || values.part === part;

if (wants("known")) {
  await knownTime(200);
  await knownTime(5000);
  await knownBytes(1024);
}
if (wants("same")) {
  const same = await alarms(1);
  judge(`unchanged: ${same.alarms} alarms in ${same.runs} comparisons`, same.alarms === 0 && same.runs > 0);
}
if (wants("slower")) {
  const slower = await alarms(SLOWER);
  const isFound = slower.runs > 0 && slower.alarms / slower.runs >= LEAST_FOUND / 20;
  judge(`10 % slower: found ${slower.alarms} times of ${slower.runs}`, isFound);
}
process.exitCode = isKept ? 0 : 1;
