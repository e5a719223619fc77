// A program: an echo listener on descriptor 3, on which its parent listens already. Writes the address that it has.
import { Listener } from "../../packages/core/src/listener/listener.ts";
import { prepareListener } from "../../packages/core/src/listener/prepare-listener.ts";
import { listenerModel, networkRegistry } from "./listeners.ts";
import { testServices } from "./services.ts";

const model = listenerModel();
const services = testServices();
const listener = new Listener(model, services);
listener.use(await prepareListener(model, networkRegistry(), services));
const address = await listener.listen({ fd: 3 });
process.stdout.write(`${JSON.stringify(address)}\n`);
