/** The recipes' manifests, taken out of their prose, against what the prose says they do, as questions to the evaluator. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compilePolicies, evaluatePacket, findPolicyFault } from '@palisade/netpol';
import { dns, nameOf, namespaces, pods, policiesOf, type Recipe, readQuestion, recipes } from './recipes-lib/recipes.ts';
import type { CaseResult, Suite } from './suite.ts';

function judge(folder: string, recipe: Recipe): CaseResult {
  const name = nameOf(recipe);
  if (!existsSync(join(folder, recipe.file))) return { name, status: 'fail', detail: 'the recipe is not there' };
  const networkPolicies = policiesOf(folder, recipe);
  const fault = networkPolicies.map(findPolicyFault).find((found) => found);
  if (fault) return { name, status: 'fail', detail: `refused: ${fault.message}` };
  const compiled = compilePolicies({ namespaces, pods, networkPolicies, dnsServiceIPs: [dns] });
  const passes = (question: string): boolean => {
    const { from, to, protocol, port } = readQuestion(question);
    const end = (text: string) => (text.includes('/') ? { pod: text } : { ip: text });
    return evaluatePacket(compiled, { src: end(from), dst: end(to), protocol, port }).allowed;
  };
  const wrong = [
    ...recipe.yes.filter((question) => !passes(question)).map((q) => `${q} is denied`),
    ...recipe.no.filter(passes).map((q) => `${q} passes`),
  ];
  return wrong.length === 0 ? { name, status: 'pass' } : { name, status: 'fail', detail: wrong.join('; ') };
}

export const suites: Suite[] = [
  { name: 'recipes', run: async (dataDir) => recipes.map((recipe) => judge(join(dataDir, 'netpol/recipes'), recipe)) },
];
