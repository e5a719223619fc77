/** The built-in L7 filters: data, without side effect. The composition root hands them to the registry. */
import { buffer } from "./buffer/index.ts";
import { headerMutation } from "./header-mutation/index.ts";
import { localRateLimit } from "./local-ratelimit/index.ts";
import { router } from "./router/index.ts";

export const filters = [router, headerMutation, localRateLimit, buffer];
export { buffer, headerMutation, localRateLimit, router };
