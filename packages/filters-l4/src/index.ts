/** The built-in network filters. Data only: the composition root registers them. */
import { directResponse } from "./direct-response/index.ts";
import { echo } from "./echo/index.ts";
import { tcpProxy } from "./tcp-proxy/index.ts";

export { directResponse, echo, tcpProxy };

export const filters = [directResponse, echo, tcpProxy] as const;
