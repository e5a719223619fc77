/** Runs the floor proxy: `node main.ts PORT ORIGIN_PORT`. */
import { createFloorProxy } from "./proxy.ts";

createFloorProxy(Number(process.argv[3])).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
