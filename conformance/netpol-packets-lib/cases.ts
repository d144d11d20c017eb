/** Where cases come from, and the pods they need. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterSnapshot } from '@palisade/netpol';
import * as cyclonus from '../cyclonus-lib/steps.ts';
import * as recipes from '../recipes-lib/recipes.ts';
import type { Expectation, PacketCase, Question } from './case.ts';
import { houseCases, housePods } from './house-cases.ts';
import { kubernetesCases } from './kubernetes-cases.ts';
import type { LabPod } from './lab.ts';

/** A source of cases. */
export interface Source {
  readonly namespaces: ClusterSnapshot['namespaces'];
  readonly pods: readonly LabPod[];
  /** @param snapshot of the live cluster, with the pods' addresses */
  cases(snapshot: ClusterSnapshot): PacketCase[];
}

/** Nine pods x/a … z/c. */
const alphabet = { namespaces: cyclonus.namespaces, pods: cyclonus.pods };

export const kubernetes: Source = {
  ...alphabet,
  cases(snapshot) {
    const pods = snapshot.pods.filter(({ namespace }) => alphabet.namespaces.some(({ name }) => name === namespace));
    return kubernetesCases(pods, (pod) => pods.find(({ namespace, name }) => `${namespace}/${name}` === pod)!.ips[0]!);
  },
};

/** The addresses in its ipBlocks are those of imagined pods: such steps are left out, Kubernetes' cases have real ones. */
export const cyclonusSteps: Source = {
  ...alphabet,
  cases: () =>
    cyclonus
      .readSteps()
      .filter((step) => !step.policies.some((text) => text.includes('ipBlock')))
      .map((step) => ({
        name: step.name,
        policies: () => cyclonus.policiesOf(step),
        expectations: () => step.expected.filter(({ from, to }) => from !== to),
      })),
};

export function recipeSource(dataDir: string): Source {
  const folder = join(dataDir, 'netpol/recipes');
  const asked = (questions: readonly string[], allowed: boolean): Expectation[] =>
    questions.map((question) => ({ ...(recipes.readQuestion(question) satisfies Question), allowed }));
  const there = recipes.recipes.filter(({ file }) => existsSync(join(folder, file)));
  return {
    namespaces: recipes.namespaces,
    pods: recipes.pods,
    cases: () =>
      there.map((recipe) => ({
        name: `recipes: ${recipes.nameOf(recipe)}`,
        policies: () => recipes.policiesOf(folder, recipe),
        expectations: () => [...asked(recipe.yes, true), ...asked(recipe.no, false)],
      })),
  };
}

export function houses(dataDir: string): Source {
  return { ...housePods(dataDir), cases: (snapshot) => houseCases(dataDir, snapshot) };
}
