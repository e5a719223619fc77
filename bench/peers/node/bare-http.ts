/** A bare Node HTTP server that answers by itself: what start times are compared with. `node bare-http.ts PORT`. */
import { createServer } from "node:http";

createServer((_request, response) => response.end("ok")).listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
