import type { Struct } from '../defaults/value.ts';
import { isStrictSubset, validateCidr } from './addresses.ts';
import { validatePortReference } from './container.ts';
import type { Findings } from './findings.ts';
import { validateLabelSelector } from './label-selector.ts';
import { checkPortNumber } from './names.ts';

/** NetworkPolicy (kubernetes `pkg/apis/networking/validation`). */

function validatePort(f: Findings, at: string, port: Struct): void {
  const protocol: string | undefined = port['protocol'];
  if (protocol !== undefined && !['SCTP', 'TCP', 'UDP'].includes(protocol))
    f.notSupported(`${at}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  const [first, last]: [number | string | undefined, number | undefined] = [port['port'], port['endPort']];
  if (first !== undefined) validatePortReference(f, `${at}.port`, first);
  if (last === undefined) return;
  if (first === undefined) f.invalid(`${at}.endPort`, last, 'may not be specified when `port` is not specified');
  else if (typeof first === 'string') f.invalid(`${at}.endPort`, last, 'may not be specified when `port` is non-numeric');
  else {
    if (last < first) f.invalid(`${at}.endPort`, first, 'must be greater than or equal to `port`');
    f.invalidEach(`${at}.endPort`, last, checkPortNumber(last));
  }
}

function validateBlock(f: Findings, at: string, block: Struct): void {
  const text: string = block['cidr'] ?? '';
  if (text === '') {
    f.required(`${at}.cidr`);
    return;
  }
  const outer = validateCidr(f, `${at}.cidr`, text);
  for (const [i, except] of ((block['except'] ?? []) as string[]).entries()) {
    const inner = validateCidr(f, `${at}.except[${i}]`, except);
    if (outer && inner && !isStrictSubset(inner, outer)) f.invalid(`${at}.except[${i}]`, except, 'must be a strict subset of `cidr`');
  }
}

function validatePeer(f: Findings, at: string, peer: Struct): void {
  const selectors = ['podSelector', 'namespaceSelector'].filter((name) => peer[name] !== undefined);
  for (const name of selectors) validateLabelSelector(f, `${at}.${name}`, peer[name]);
  if (peer['ipBlock']) validateBlock(f, `${at}.ipBlock`, peer['ipBlock']);
  if (peer['ipBlock'] && selectors.length > 0) f.forbidden(at, 'may not specify both ipBlock and another peer');
  else if (!peer['ipBlock'] && selectors.length === 0) f.required(at, 'must specify a peer');
}

export function validateNetworkPolicy(f: Findings, { spec = {} }: Struct): void {
  validateLabelSelector(f, 'spec.podSelector', spec.podSelector);
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [i, rule] of ((spec[direction] ?? []) as Struct[]).entries()) {
      const at = `spec.${direction}[${i}]`;
      for (const [j, port] of ((rule['ports'] ?? []) as Struct[]).entries()) validatePort(f, `${at}.ports[${j}]`, port);
      for (const [j, peer] of ((rule[peers] ?? []) as Struct[]).entries()) validatePeer(f, `${at}.${peers}[${j}]`, peer);
    }
  }
  const types: readonly string[] = spec.policyTypes ?? [];
  if (types.length > 2) f.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes');
  else
    for (const [i, type] of types.entries())
      if (type !== 'Ingress' && type !== 'Egress') f.notSupported(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress']);
}
