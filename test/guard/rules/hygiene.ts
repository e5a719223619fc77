// What must not be in a file that is committed: unfinished work, tests that do not run, places of somebody's machine.
import { isTypeScript, lineOf, type SourceFile } from "../tree.ts";

export const MAX_LINES = 400;

interface Ban {
  readonly pattern: RegExp;
  readonly what: string;
  readonly in: (path: string) => boolean;
  /** What comments say does not count. */
  readonly isAboutCode?: boolean;
}

const isCode = (path: string): boolean => /\.(ts|mts|js|mjs|c|h|sh)$/.test(path) || path === ".ci/run";
const isTest = (path: string): boolean => path.endsWith(".test.ts");
const everywhere = (path: string): boolean => path !== "LICENSE" && !path.endsWith("/LICENSE");

const BANS: readonly Ban[] = [
  { pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b/g, what: "unfinished work", in: isCode },
  {
    pattern: /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b/g,
    what: "a test that does not run, or is meant to fail",
    in: isTest,
  },
  { pattern: /\b(?:xit|xdescribe|xtest|fit|fdescribe)\(/g, what: "a test that does not run", in: isTest },
  { pattern: /\b(?:context|ctx|t)\.skip\(/g, what: "a test that does not run", in: isTest },
  {
    pattern: /(?:[:<|&,(=]|\bas|\bextends|\breadonly)\s*any\b(?!\s*\w)/g,
    what: "`any` in the contract",
    in: (path) => path.startsWith("packages/sdk/src/") && !isTest(path),
    isAboutCode: true,
  },
  {
    pattern: /\/(?:home|Users)\/[\w.-]+|(?<![\w.])\/(?:root|work)\/[\w.-]+/g,
    what: "a path of a machine",
    in: everywhere,
  },
  {
    pattern:
      /\b(?:registry|proxy|mirror|npm)\.(?:npmjs|yarnpkg|npmmirror|golang|taobao|pkg\.github)\.(?:org|com|net)\b/g,
    what: "the host of a package registry",
    in: everywhere,
  },
];

export function hygieneProblems(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  for (const { path, text } of files) {
    for (const ban of BANS) {
      if (!ban.in(path)) continue;
      for (const match of (ban.isAboutCode === true ? withoutComments(text) : text).matchAll(ban.pattern)) {
        problems.push(`${path}:${lineOf(text, match.index)}  ${ban.what}: ${match[0]}`);
      }
    }
    if (isTypeScript(path) && !path.includes("/generated/")) {
      const lines = text.split("\n").length - 1;
      if (lines > MAX_LINES) problems.push(`${path}: ${lines} lines, at most ${MAX_LINES}; find the seam`);
    }
  }
  return problems;
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, (comment) => comment.replaceAll(/[^\n]/g, " "));
}

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * The lock file names versions and digests, never where they were fetched; and the packages of every platform, even of
 * those that the registry at hand does not have: without them `npm ci` refuses the file.
 */
export function lockProblems(lock: string): string[] {
  const { packages } = JSON.parse(lock) as { packages: Record<string, Locked> };
  const problems: string[] = [];
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
  for (const [path, { resolved, link, optionalDependencies = {} }] of Object.entries(packages)) {
    if (resolved !== undefined && link !== true) problems.push(`package-lock.json: ${path} is resolved to ${resolved}`);
    for (const name of Object.keys(optionalDependencies)) {
      if (!names.has(name)) problems.push(`package-lock.json: ${name}, optional for ${path}, is missing`);
    }
  }
  return problems;
}
