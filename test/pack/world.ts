// The packages as they would be published, and an empty project outside of the repository that has installed them.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type Result, Stranger } from "../support/stranger.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const PACKAGES = ["sdk", "filters-l4", "filters-l7", "core", "create-sluice-filter"] as const;

export interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly files: ReadonlyArray<{ readonly path: string; readonly mode: number }>;
}

/** With a Node that is new enough in front of the path. */
export class Outside {
  readonly stranger: Stranger;
  readonly project: string;
  readonly packed: Packed[] = [];
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "sluice-pack-")));

  constructor() {
    this.stranger = new Stranger(join(this.#folder, "bin"));
    this.project = join(this.#folder, "project");
  }

  /** Of Sluice's packages, but for that which makes others. */
  get tarballs(): string[] {
    return this.packed.flatMap(({ name, filename }) =>
      name === "create-sluice-filter" ? [] : this.#tarball(filename),
    );
  }

  async install(): Promise<void> {
    mkdirSync(this.project);
    for (const name of PACKAGES) {
      const folder = join(root, "packages", name);
      const isBuilt = ["dist/index.js", "dist/cli.js"].some((path) => existsSync(join(folder, path)));
      expect(isBuilt, `packages/${name} is built (npm run build)`).toBe(true);
      const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", this.#folder];
      const output = await this.stranger.succeed(folder, "npm", ...args);
      // Some versions of npm print an array, some an object by name.
      this.packed.push(Object.values(JSON.parse(output) as Record<string, Packed>)[0]!);
    }
    writeFileSync(join(this.project, "package.json"), '{ "name": "outside", "private": true, "type": "module" }\n');
    const tarballs = this.packed.map(({ filename }) => this.#tarball(filename));
    await this.succeed("npm", "install", "--ignore-scripts", ...tarballs);
  }

  /** In the project. */
  run(program: string, ...args: string[]): Promise<Result> {
    return this.stranger.run(this.project, program, ...args);
  }

  succeed(program: string, ...args: string[]): Promise<string> {
    return this.stranger.succeed(this.project, program, ...args);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tarball(filename: string): string {
    return join(this.#folder, filename.replace(/^@/, "").replace("/", "-"));
  }
}
