// Somebody who uses Sluice outside of this repository: an environment without traces of npm and vitest, the PATH of a shell in which no package has put anything,
// and a Node of a version of one's choice in front of it.
import { execFile, type ExecFileException } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join, sep } from "node:path";
import { expect } from "vitest";

/** For one program; npm installs in it what it has in its cache, and asks a registry for the rest. */
const LIMIT_MS = 4 * 60_000;
/** Of npm's settings a stranger has those that say where packages come from; all others, which npm hands on too, are of the command that runs this test. */
const FOREIGN =
  /^(npm_(?!config_(registry|userconfig|globalconfig|cache|(https?_?|no)?proxy|ca|cafile|strict_ssl)$)|INIT_CWD$|NODE(_OPTIONS|_PATH|_ENV)?$|VITEST|VITE_)/;
/** What npm is to do everywhere here. */
const NPM = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Stranger {
  readonly env: NodeJS.ProcessEnv;

  /**
   * @param folder for the program `node`, made here: the Node of this process, which says that it is `version` where that is given.
   */
  constructor(folder: string, version?: string) {
    mkdirSync(folder, { recursive: true });
    const node = join(folder, "node");
    if (version === undefined) symlinkSync(process.execPath, node);
    else {
      writeFileSync(node, `#!/bin/sh\n[ "$*" = --version ] && echo v${version} || exec "${process.execPath}" "$@"\n`);
      chmodSync(node, 0o755);
    }
    const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    const path = (process.env["PATH"] ?? "").split(delimiter).filter((one) => !one.split(sep).includes("node_modules"));
    this.env = { ...Object.fromEntries(own), ...NPM, PATH: [folder, ...path].join(delimiter), NO_COLOR: "1" };
  }

  run(cwd: string, program: string, ...args: string[]): Promise<Result> {
    return new Promise((resolve) => {
      const options = { cwd, env: this.env, timeout: LIMIT_MS, maxBuffer: 1 << 24 };
      execFile(program, args, options, (error: ExecFileException | null, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 255, stdout, stderr });
      });
    });
  }

  /** What the program prints. Fails where it ends with anything but 0. */
  async succeed(cwd: string, program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(cwd, program, ...args);
    expect(code, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  }
}
