import { formatGroupResource } from '../errors.ts';
import type { KubernetesObject } from '../object.ts';
import { formatLabelSelector } from '../selectors.ts';
import { age, nameOf, none, type RowPrinter, unset } from './cells.ts';

/** Rows of what steers the cluster itself: addresses, admission policies, fair queuing, devices, components; and of Scale. */

export const printScale: RowPrinter = (o, now) => [nameOf(o), o['spec']?.replicas ?? 0, o['status']?.replicas ?? 0, age(o, now)];

export const printComponentStatus: RowPrinter = (o) => {
  const healthy = (o['conditions'] ?? []).find((condition: { type: string }) => condition.type === 'Healthy');
  const state = healthy === undefined ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
  return [nameOf(o), state, healthy?.message ?? '', healthy?.error ?? ''];
};

/** Its column Age was forgotten. */
export const printIpAddress: RowPrinter = (o) => {
  const parent = o['spec']?.parentRef;
  if (parent === undefined) return [nameOf(o), none];
  const kind = formatGroupResource({ group: parent.group ?? '', resource: parent.resource ?? '' }).toLowerCase();
  return [nameOf(o), [kind, parent.namespace, parent.name].filter(Boolean).join('/')];
};

export const printServiceCidr: RowPrinter = (o, now) => [nameOf(o), (o['spec']?.cidrs ?? []).join(','), age(o, now)];

export const printAdmissionPolicy: RowPrinter = (o, now) => {
  const { validations = [], paramKind } = o['spec'] ?? {};
  return [nameOf(o), validations.length, paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : unset, age(o, now)];
};

export const printAdmissionPolicyBinding: RowPrinter = (o, now) => {
  const { policyName = '', paramRef } = o['spec'] ?? {};
  // A parameter without a namespace may still be in one: that is its kind's affair.
  const named = paramRef?.name ? `${paramRef.namespace || '*'}/${paramRef.name}` : undefined;
  const parameter = named ?? (paramRef?.selector ? formatLabelSelector(paramRef.selector) : unset);
  return [nameOf(o), policyName, parameter, age(o, now)];
};

export const printFlowSchema: RowPrinter = (o, now) => {
  const { priorityLevelConfiguration, matchingPrecedence = 0, distinguisherMethod } = o['spec'] ?? {};
  const dangling = (o['status']?.conditions ?? []).find((condition: { type: string }) => condition.type === 'Dangling');
  const level = priorityLevelConfiguration?.name ?? '';
  return [nameOf(o), level, matchingPrecedence, distinguisherMethod?.type ?? none, age(o, now), dangling?.status ?? '?'];
};

export const printPriorityLevel: RowPrinter = (o, now) => {
  const { type = '', limited } = o['spec'] ?? {};
  const { queues, handSize, queueLengthLimit } = limited?.limitResponse?.queuing ?? {};
  const shares = limited?.nominalConcurrencyShares ?? none;
  return [nameOf(o), type, shares, queues ?? none, handSize ?? none, queueLengthLimit ?? none, age(o, now)];
};

/** DeviceClass and ResourceClaimTemplate. */
export const printNameAndAge: RowPrinter = (o, now) => [nameOf(o), age(o, now)];

function claimState({ metadata, status }: KubernetesObject): string {
  const isGoing = metadata.deletionTimestamp !== undefined;
  if (status?.allocation === undefined) return isGoing ? 'deleted' : 'pending';
  const states = [isGoing ? 'deleted' : '', 'allocated', status.reservedFor?.length > 0 ? 'reserved' : ''];
  return states.filter(Boolean).join(',');
}

export const printResourceClaim: RowPrinter = (o, now) => [nameOf(o), claimState(o), age(o, now)];

export const printResourceSlice: RowPrinter = (o, now) => {
  const { nodeName = '', driver = '', pool } = o['spec'] ?? {};
  return [nameOf(o), nodeName, driver, pool?.name ?? '', age(o, now)];
};
