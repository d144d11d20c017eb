import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';

/** What a status may say: counters of the kinds that have them, each in the real server's order and words. */
export type StatusRule = (f: Findings, status: Struct, old: Struct) => void;

/**
 * @param counters that may not be negative
 * @param parts of `replicas` that cannot be more than these
 * @param readyName what the ready replicas are called in the refusal of more available ones
 */
function countReplicas(counters: readonly string[], parts: readonly string[], readyName: string): StatusRule {
  return (f, status) => {
    const count = (name: string): number => status[name] ?? 0;
    for (const name of counters) f.nonNegative(`status.${name}`, status[name]);
    for (const name of parts)
      if (count(name) > count('replicas')) f.invalid(`status.${name}`, count(name), 'cannot be greater than status.replicas');
    if (count('availableReplicas') > count('readyReplicas'))
      f.invalid('status.availableReplicas', count('availableReplicas'), `cannot be greater than ${readyName}`);
  };
}

const counters =
  (...names: readonly string[]): StatusRule =>
  (f, status) => {
    for (const name of names) f.nonNegative(`status.${name}`, status[name]);
  };

/** Hashes that collided are only ever counted up. */
function keepCollisions(f: Findings, status: Struct, old: Struct): void {
  const [now, before]: (number | undefined)[] = [status['collisionCount'], old['collisionCount']];
  if (before !== undefined && (now ?? 0) < before) f.invalid('status.collisionCount', now ?? 0, 'cannot be decremented');
}

const all =
  (...rules: readonly StatusRule[]): StatusRule =>
  (f, status, old) => {
    for (const rule of rules) rule(f, status, old);
  };

const ownReplicas = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

export const validateDeploymentStatus: StatusRule = all(
  countReplicas(
    'observedGeneration replicas updatedReplicas readyReplicas availableReplicas unavailableReplicas terminatingReplicas collisionCount'.split(
      ' ',
    ),
    ['updatedReplicas', 'readyReplicas', 'availableReplicas'],
    'readyReplicas',
  ),
  keepCollisions,
);

/** Of ReplicaSets and ReplicationControllers. */
export const validateReplicaSetStatus: StatusRule = countReplicas(
  ['replicas', ...ownReplicas, 'observedGeneration', 'terminatingReplicas'],
  ownReplicas,
  'readyReplicas',
);

export const validateStatefulSetStatus: StatusRule = countReplicas(
  'replicas readyReplicas currentReplicas updatedReplicas availableReplicas observedGeneration collisionCount'.split(' '),
  ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'],
  'status.readyReplicas',
);

export const validateDaemonSetStatus: StatusRule = all(
  counters(
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ),
  keepCollisions,
);

export const validateDisruptionBudgetStatus: StatusRule = counters(
  'disruptionsAllowed',
  'currentHealthy',
  'desiredHealthy',
  'expectedPods',
);

export const validateAutoscalerStatus: StatusRule = counters('currentReplicas', 'desiredReplicas');
