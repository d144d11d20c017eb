import { formatFlow } from '@palisade/flow';
import { type Suggestion, suggestPolicies } from '@palisade/netpol';
import { stringify } from 'yaml';
import { streamFlows } from '../flows/fetch.ts';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { sourceOfCluster } from './source.ts';

interface SuggestFlags {
  readonly since: string;
  readonly namespace?: string;
  readonly strict?: boolean;
  readonly kubeconfig?: string;
}

/** Manifests with what each is based on as comments, ready for `kubectl apply -f -`. */
export function renderSuggestion({ policies, notes, replay }: Suggestion, since: string): string {
  const head = [
    `Proposed from the flow records of the last ${since}.`,
    `Replayed: ${replay.asked} kinds of connections, ${replay.denied.length} of them would be denied.`,
    ...replay.denied.map((flow) => `DENIED by this proposal: ${formatFlow(flow)}`),
    ...notes,
  ];
  const documents = policies.map(({ policy, about }) => `${about.map((line) => `# ${line}\n`).join('')}${stringify(policy)}`);
  return `${head.map((line) => `# ${line}\n`).join('')}${documents.map((text) => `---\n${text}`).join('')}`;
}

/** `palisade netpol suggest`. @returns 0; 1 when something seen would be denied, or nothing can be proposed */
export async function suggest({ since, namespace, strict, kubeconfig }: SuggestFlags): Promise<number> {
  const query = { since, verdict: 'FORWARDED', protocol: 'l4', ...(namespace !== undefined && { namespace }) };
  const flows = await Array.fromAsync(streamFlows(kubeconfigToUse(kubeconfig), query));
  const { snapshot } = await sourceOfCluster(kubeconfig);
  const suggestion = suggestPolicies(snapshot, flows, {
    ...(namespace !== undefined && { namespaces: [namespace] }),
    ...(strict && { isStrict: true }),
  });
  process.stdout.write(renderSuggestion(suggestion, since));
  return suggestion.replay.denied.length === 0 && suggestion.policies.length > 0 ? 0 : 1;
}
