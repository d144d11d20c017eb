/** Structural schemas of the three kinds, as small functions. Unions are objects with exactly one field. */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const integer = (minimum: number, maximum: number): Schema => ({ type: 'integer', format: 'int32', minimum, maximum });
const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values });
const list = (items: Schema, maxItems: number, minItems = 0): Schema => ({ type: 'array', items, maxItems, ...(minItems && { minItems }) });
const object = (properties: Readonly<Record<string, Schema>>, ...required: string[]): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
});
const union = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
  minProperties: 1,
  maxProperties: 1,
});

/** metav1.LabelSelector. */
const selector: Schema = object({
  matchLabels: { type: 'object', additionalProperties: text },
  matchExpressions: {
    type: 'array',
    items: object(
      { key: text, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: { type: 'array', items: text } },
      'key',
      'operator',
    ),
  },
});

const port = integer(1, 65_535);
const range = (properties: Readonly<Record<string, Schema>> = {}): Schema =>
  object({ ...properties, start: port, end: port }, 'start', 'end');
const portName: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$' };
const cidr: Schema = { type: 'string', maxLength: 43, pattern: '^[0-9A-Fa-f:.]+/[0-9]{1,3}$' };
const domainName: Schema = {
  type: 'string',
  pattern: '^(\\*\\.)?([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\\.)*[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\\.?$',
};

/** What differs between v1alpha1 and v1alpha2. */
export interface Flavour {
  readonly actions: readonly string[];
  readonly maxRules: number;
  readonly ports: Readonly<Record<string, Schema>>;
  readonly isPodSelectorRequired: boolean;
  readonly hasDomainNames: boolean;
}

const transport: Schema = object({ destinationPort: union({ number: port, range: range() }) });

/** ClusterNetworkPolicy v1alpha2. */
export const v1alpha2: Flavour = {
  actions: ['Accept', 'Deny', 'Pass'],
  maxRules: 25,
  ports: { protocols: list(union({ tcp: transport, udp: transport, sctp: transport, destinationNamedPort: portName }), 25) },
  isPodSelectorRequired: true,
  hasDomainNames: true,
};

const protocol: Schema = { ...oneOf('TCP', 'UDP', 'SCTP'), default: 'TCP' };
const adminPort = union({ portNumber: object({ protocol, port }, 'port'), portRange: range({ protocol }), namedPort: portName });

/** AdminNetworkPolicy (with Pass and domain names) and BaselineAdminNetworkPolicy v1alpha1. */
export const v1alpha1 = (actions: readonly string[], hasDomainNames: boolean): Flavour => ({
  actions,
  maxRules: 100,
  ports: { ports: list(adminPort, 100) },
  isPodSelectorRequired: false,
  hasDomainNames,
});

/** The object's schema: `spec` as the flavour says with `place` (tier, priority) before it, and a status of conditions. */
export function policySchema(flavour: Flavour, place: Readonly<Record<string, Schema>>): Schema {
  const pods = object({ namespaceSelector: selector, podSelector: selector }, ...(flavour.isPodSelectorRequired ? ['podSelector'] : []));
  const inside = { namespaces: selector, pods };
  const outside = {
    nodes: selector,
    networks: list(cidr, 25, 1),
    ...(flavour.hasDomainNames && { domainNames: list(domainName, 25, 1) }),
  };
  const rules = (peersField: 'from' | 'to') => {
    const peers = list(union(peersField === 'from' ? inside : { ...inside, ...outside }), flavour.maxRules, 1);
    const fields = { name: { ...text, maxLength: 100 }, action: oneOf(...flavour.actions), [peersField]: peers, ...flavour.ports };
    return list(object(fields, 'action', peersField), flavour.maxRules);
  };
  const spec = object({ ...place, subject: union(inside), ingress: rules('from'), egress: rules('to') }, ...Object.keys(place), 'subject');
  const condition = object({
    type: text,
    status: oneOf('True', 'False', 'Unknown'),
    reason: text,
    message: text,
    lastTransitionTime: { type: 'string', format: 'date-time' },
    observedGeneration: { type: 'integer', format: 'int64' },
  });
  return object(
    { apiVersion: text, kind: text, metadata: { type: 'object' }, spec, status: object({ conditions: list(condition, 100) }) },
    'spec',
  );
}

export const tierPlace = { tier: oneOf('Admin', 'Baseline'), priority: integer(0, 1000) };
export const priorityPlace = { priority: integer(0, 1000) };
