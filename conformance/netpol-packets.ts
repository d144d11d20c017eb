/**
 * Real packets on the embedded cluster. Policies go in through the API; TCP, UDP and (by raw packets) SCTP are sent between the
 * pods' network namespaces; packets, the evaluator and whoever made the case must agree.
 *
 * `netpol-packets`: what Kubernetes' end-to-end tests ask for, the recipes, and network-policy-api's manifests.
 * `cyclonus-packets`: cyclonus's cases with its own truth tables.
 *
 * Both take a part of the cases, in the time `npm test` has; netpol-packets.long.test.ts runs them all.
 */
import { spawnSync } from 'node:child_process';
import { cannotRunClusters } from '../e2e/harness.ts';
import { missingCyclonus } from './cyclonus-lib/steps.ts';
import { cyclonusSteps, houses, kubernetes, recipeSource, type Source } from './netpol-packets-lib/cases.ts';
import { judge } from './netpol-packets-lib/judge.ts';
import { Lab } from './netpol-packets-lib/lab.ts';
import { dns } from './recipes-lib/recipes.ts';
import type { CaseResult, Suite } from './suite.ts';

/** Every port any case asks about. SCTP needs no listener: the first packet is looked for as it arrives. */
const ports = { tcp: [80, 81, 5000, 6379, 8000, 8080], udp: [53, 80, 81, 5353] };
/** The DNS Service's address, and where it leads. */
const dnsServiceIPs = [dns, '172.30.0.2'];

/** @param stride 1: all cases; 4: one in four */
async function* run(sources: readonly Source[], stride: number): AsyncGenerator<CaseResult> {
  const lab = await Lab.open({
    namespaces: sources.flatMap(({ namespaces }) => namespaces),
    pods: sources.flatMap(({ pods }) => pods),
    ports,
    dnsServiceIPs,
  });
  try {
    const cases = sources.flatMap((source) => source.cases(lab.snapshot));
    for (const [index, one] of cases.entries()) if (index % stride === 0) yield await judge(lab, one);
  } finally {
    await lab.close();
  }
}

function missing(): string | undefined {
  const reason = cannotRunClusters();
  if (reason !== false) return reason;
  return spawnSync('nft', ['--version']).error ? 'needs nft: npm run setup' : undefined;
}

/** @param stride as for `run`, one for each suite */
export function packetSuites(strides: { readonly packets: number; readonly cyclonus: number }): Suite[] {
  return [
    {
      name: 'netpol-packets',
      missing,
      run: (dataDir) => run([kubernetes, recipeSource(dataDir), houses(dataDir)], strides.packets),
    },
    { name: 'cyclonus-packets', missing: () => missing() ?? missingCyclonus(), run: () => run([cyclonusSteps], strides.cyclonus) },
  ];
}

export const suites: Suite[] = packetSuites({ packets: 4, cyclonus: 12 });
