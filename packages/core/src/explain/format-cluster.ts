/** The hosts of a cluster and what is said of them as text. */
import type { ClusterExplanation, HostExplanation, PriorityExplanation } from "./explain-cluster.ts";
import type { ForwardExplanation } from "./explain-forward.ts";

export function forwardLines({ clusters, terms }: ForwardExplanation): string[] {
  return [...terms.map((term) => `    ${term}`), ...clusters.flatMap(clusterLines)];
}

function clusterLines({ cluster, policy, notes, priorities, hosts }: ClusterExplanation): string[] {
  const lines = [`    cluster ${cluster}${policy === "" ? "" : `: ${policy}`}`];
  for (const note of notes) lines.push(`      ${note}`);
  // One priority that has everything goes without saying.
  if (priorities.length > 1 || priorities.some(({ healthy, panic }) => healthy !== 100 || panic))
    for (const priority of priorities) lines.push(`      ${priorityText(priority, cluster)}`);
  for (const host of hosts) lines.push(`      ${hostText(host)}`);
  return lines;
}

function priorityText({ cluster, priority, healthy, degraded, panic }: PriorityExplanation, whole: string): string {
  const whose = cluster === whole ? "" : `${cluster}: `;
  const parts = [`${healthy} % of the load`];
  if (degraded > 0) parts.push(`${degraded} % to degraded hosts`);
  if (panic) parts.push("in panic");
  return `${whose}priority ${priority}: ${parts.join(", ")}`;
}

function hostText({ address, cluster, priority, locality, weight, health, why }: HostExplanation): string {
  const facts = [
    ...(cluster === "" ? [] : [`cluster ${cluster}`]),
    `priority ${priority}`,
    ...(locality === "" ? [] : [locality]),
    `weight ${weight}`,
    health,
  ];
  return `host ${address} (${facts.join(", ")}): ${why}`;
}
