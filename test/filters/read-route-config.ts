/** Notes which route configurations it sees in its request hook. */
import type { HarnessFilter } from "@sluice/core/testing";
import { onSide } from "./side.ts";

export class ReadRouteConfig {
  calls = 0;
  mostSpecific: unknown = null;
  all: readonly unknown[] = [];
  readonly filter: HarnessFilter;

  constructor(name: string, disabled = false) {
    const { hooks } = onSide("request", {
      headers: (_way, stream) => {
        this.calls++;
        this.mostSpecific = stream.routeConfig;
        this.all = stream.routeConfigs;
      },
    });
    this.filter = { name, hooks, disabled };
  }
}
