import { compileKeyTest } from '../compile/targets.ts';
import type { VariableNode } from '../seclang/ast.ts';
import { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';

/** Fields of the state that are values as they are. */
const plain = [
  'startMs',
  'xml',
  'engineMode',
  'requestBodyAccess',
  'responseBodyAccess',
  'requestBodyLimit',
  'responseBodyLimit',
  'isRequestBodyForced',
  'requestBodyProcessor',
  'auditEngine',
  'auditLogParts',
  'matchedVar',
  'matchedVars',
  'sessionId',
  'userId',
  'highestSeverity',
  'interruption',
  'detected',
  'allowed',
  'removedRules',
  'debugLogLevel',
  'phase',
  'rewrittenRequest',
  'prepended',
  'appended',
] as const;

const maps = ['tx', 'env', 'geo', 'persistent', 'expiries'] as const;
const lists = ['matched', 'limits', 'sanitised'] as const;

/** What one thread tells another of a transaction, fit for a structured clone. Both have the same rules. */
export interface Handover {
  readonly plain: Readonly<Record<string, unknown>>;
  readonly maps: readonly (readonly [string, unknown][])[];
  readonly lists: readonly (readonly unknown[])[];
  readonly values: readonly (readonly [name: string, targets: readonly (readonly [string, string, boolean])[]])[];
  readonly removedTargets: readonly (readonly [rule: number, nodes: readonly VariableNode[]])[] | undefined;
}

export function exportState(state: TransactionState): Handover {
  return {
    plain: Object.fromEntries(plain.map((name) => [name, state[name]])),
    maps: maps.map((name) => [...state[name]] as [string, unknown][]),
    lists: lists.map((name) => [...state[name]]),
    values: Array.from(state.lists, ([name, targets]) => [
      name,
      targets.map(({ key, value, isRecurring }) => [key, value, isRecurring] as const),
    ]),
    removedTargets:
      state.removedTargets && Array.from(state.removedTargets, ([rule, gone]) => [rule, gone.map(({ node }) => node)] as const),
  };
}

/** Make a state what the other one was. */
export function importState(state: TransactionState, handover: Handover): void {
  Object.assign(state, handover.plain);
  for (const [index, name] of maps.entries()) {
    const map = state[name] as Map<string, unknown>;
    map.clear();
    for (const [key, value] of handover.maps[index]!) map.set(key, value);
  }
  for (const [index, name] of lists.entries()) (state[name] as unknown[]).splice(0, Number.POSITIVE_INFINITY, ...handover.lists[index]!);
  state.lists.clear();
  for (const [name, targets] of handover.values)
    state.setList(
      name,
      targets.map(([key, value, isRecurring]) => new Target(key, value, isRecurring)),
    );
  state.removedTargets =
    handover.removedTargets &&
    new Map(
      handover.removedTargets.map(([rule, nodes]) => [
        rule,
        nodes.map((node) => ({ collection: node.name, node, test: compileKeyTest(node) })),
      ]),
    );
  state.listCandidates.clear();
  state.keyIndexes.clear();
  state.dropCaches();
}
