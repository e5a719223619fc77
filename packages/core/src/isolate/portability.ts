/** What can be known at load of whether a filter may run outside of its worker's own code. What cannot is refused, by name, when the filter uses it. */
import { isStreamAttribute, type DefinitionBase } from "@sluice/sdk";

/** One sentence that names the filter; null where nothing speaks against it. */
export function portabilityProblem(definition: DefinitionBase & { readonly terminal?: boolean }): string | null {
  const { id, portable, terminal, reads = [] } = definition;
  if (terminal === true)
    return `${id} is a terminal filter: it makes the response, which only code inside the worker can`;
  if (portable !== true)
    return `${id} does not declare "portable: true": its author does not say that it works outside of the worker's own code`;
  const unknown = reads.find((name) => !isStreamAttribute(name));
  if (unknown !== undefined) return `${id} reads "${String(unknown)}", which is no stream attribute`;
  return null;
}
