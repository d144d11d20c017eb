import type { Struct } from '../defaults/value.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import type { Findings } from './findings.ts';

/** ResourceQuota and LimitRange: what they bound has to make sense before it can bound anything. */

const countedResources = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]); // prettier-ignore
const standardResources = new Set([
  ...countedResources,
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'requests.storage',
]); // prettier-ignore
const scopes = new Set([
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
]);
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

export function validateResourceQuota(f: Findings, { spec = {} }: Struct): void {
  for (const [name, amount] of Object.entries((spec.hard ?? {}) as Record<string, string>)) {
    const at = `spec.hard[${name}]`;
    const isQualified = name.includes('/');
    if (!isQualified && !standardResources.has(name)) {
      f.invalid(at, name, 'must be a standard resource type or fully qualified');
      f.invalid(at, name, 'must be a standard resource for quota');
    }
    if (compareQuantity(amount, '0') < 0) f.invalid(at, amount, 'must be greater than or equal to 0');
    const isCounted = countedResources.has(name) || name.startsWith('count/');
    if (isCounted && !Number.isInteger(parseQuantity(amount))) f.invalid(at, amount, 'must be an integer');
  }
  const given: readonly string[] = spec.scopes ?? [];
  if (given.some((scope) => !scopes.has(scope))) f.invalid('spec.scopes', given, 'unsupported scope');
  for (const [one, other] of opposites)
    if (given.includes(one) && given.includes(other)) f.invalid('spec.scopes', given, 'conflicting scopes');
}

type Amounts = Readonly<Record<string, string>>;

export function validateLimitRange(f: Findings, { spec = {} }: Struct): void {
  const seen = new Set<string>();
  for (const [i, limit] of ((spec.limits ?? []) as Struct[]).entries()) {
    const at = `spec.limits[${i}]`;
    const type: string = limit['type'] ?? '';
    if (seen.has(type)) f.duplicate(`${at}.type`, type);
    seen.add(type);
    if (type === 'Pod') {
      for (const field of ['default', 'defaultRequest'])
        if (Object.keys(limit[field] ?? {}).length > 0) f.forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'");
      if (Object.keys(limit['default'] ?? {}).length > 0) continue;
    }
    const { min = {}, max = {}, default: byDefault = {}, defaultRequest = {} } = limit as Record<string, Amounts>;
    for (const name of Object.keys({ ...min, ...max, ...byDefault, ...defaultRequest }).sort()) {
      const above = (value: string | undefined, bound: string | undefined): boolean =>
        value !== undefined && bound !== undefined && compareQuantity(value, bound) > 0;
      const say = (field: string, shown: string, what: string, value: string, than: string, bound: string) =>
        f.invalid(`${at}.${field}[${name}]`, shown, `${what} value ${value} is ${than} value ${bound}`);
      const [low, high, limited, asked] = [min, max, byDefault, defaultRequest].map((amounts) =>
        Object.hasOwn(amounts, name) ? amounts[name] : undefined,
      );
      if (above(low, high)) say('min', low!, 'min', low!, 'greater than max', high!);
      if (above(low, asked)) say('defaultRequest', asked!, 'min', low!, 'greater than default request', asked!);
      if (above(asked, high)) say('defaultRequest', asked!, 'default request', asked!, 'greater than max', high!);
      if (above(asked, limited)) say('defaultRequest', asked!, 'default request', asked!, 'greater than default limit', limited!);
      if (above(limited, high)) say('default', high!, 'default', limited!, 'greater than max', high!);
    }
  }
}
