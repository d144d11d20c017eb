/** An nftables table as a value: what is rendered, compared and replaced. */
import type { AddressSet, SetChange } from '../compile/address-set.ts';

export interface NftSet {
  /** `ipv4_addr`, `ipv4_addr . ipv4_addr` … */
  readonly type: string;
  readonly isInterval?: boolean;
  /** Its elements now; they may change after the ruleset was made. */
  readonly source: AddressSet;
}

export interface NftMap {
  readonly type: string;
  /** key → verdict */
  readonly elements: ReadonlyMap<string, string>;
}

export interface NftChain {
  /** `type filter hook forward priority filter; policy accept;` for a base chain. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

export interface NftRuleset {
  readonly table: string;
  /** Of the compiled policies it was made from: the state of the sets that is meant. */
  readonly version: number;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly maps: ReadonlyMap<string, NftMap>;
  readonly chains: ReadonlyMap<string, NftChain>;
}

/** Elements in one `add element` statement: enough to be quick, small enough for a netlink message. */
const ELEMENTS_PER_STATEMENT = 500;

function setHeader(set: NftSet): string {
  return set.isInterval ? `type ${set.type}; flags interval;` : `type ${set.type};`;
}

/** The whole table in one transaction, whatever stood under its name before. */
export function renderRuleset({ table, sets, maps, chains }: NftRuleset): string {
  const lines = [`table ${table} {}`, `delete table ${table}`, `table ${table} {`];
  for (const [name, set] of sets) {
    lines.push(`  set ${name} {`, `    ${setHeader(set)}`);
    if (set.source.elements.size > 0) lines.push(`    elements = { ${[...set.source.elements].join(', ')} }`);
    lines.push('  }');
  }
  for (const [name, map] of maps) {
    lines.push(`  map ${name} {`, `    type ${map.type} : verdict;`);
    if (map.elements.size > 0)
      lines.push(`    elements = { ${[...map.elements].map(([key, verdict]) => `${key} : ${verdict}`).join(', ')} }`);
    lines.push('  }');
  }
  for (const [name, chain] of chains) {
    lines.push(`  chain ${name} {`);
    if (chain.hook !== undefined) lines.push(`    ${chain.hook}`);
    for (const rule of chain.rules) lines.push(`    ${rule}`);
    lines.push('  }');
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function elementStatements(verb: 'add' | 'delete', table: string, name: string, elements: readonly string[]): string[] {
  const statements: string[] = [];
  for (let start = 0; start < elements.length; start += ELEMENTS_PER_STATEMENT) {
    statements.push(`${verb} element ${table} ${name} { ${elements.slice(start, start + ELEMENTS_PER_STATEMENT).join(', ')} }`);
  }
  return statements;
}

/** @returns undefined when it is not known any more what the set held at that version */
function setChange({ source: old }: NftSet, { source: next }: NftSet, version: number): SetChange | undefined {
  const change = old.changesSince(version);
  if (old === next || !change || change.added.length + change.removed.length > 0) return old === next ? change : undefined;
  const missingIn = (set: AddressSet) => (element: string) => !set.elements.has(element);
  return { added: [...next.elements].filter(missingIn(old)), removed: [...old.elements].filter(missingIn(next)) };
}

export function sameRules(a: NftChain, b: NftChain): boolean {
  return a.rules.length === b.rules.length && a.rules.every((rule, index) => rule === b.rules[index]);
}

/**
 * The statements that turn `previous` into `next`, as one transaction: the base chains stay hooked, so no packet passes
 * unjudged and no allowed one is lost. Empty when nothing changed.
 */
export function renderChange(previous: NftRuleset, next: NftRuleset): string {
  const { table } = next;
  const add: string[] = [];
  const rules: string[] = [];
  const elements: string[] = [];
  const remove: string[] = [];

  for (const [name, set] of next.sets) {
    const old = previous.sets.get(name);
    if (!old) add.push(`add set ${table} ${name} { ${setHeader(set)} }`);
    const change = old ? setChange(old, set, previous.version) : { added: [...set.source.elements], removed: [] };
    if (!change) elements.push(`flush set ${table} ${name}`);
    elements.push(...elementStatements('delete', table, name, change?.removed ?? []));
    elements.push(...elementStatements('add', table, name, change?.added ?? [...set.source.elements]));
  }
  for (const [name, map] of next.maps) {
    const old = previous.maps.get(name);
    if (!old) add.push(`add map ${table} ${name} { type ${map.type} : verdict; }`);
    const isChanged = ([key, verdict]: [string, string]) => old?.elements.get(key) !== verdict;
    const gone = old ? [...old.elements].filter(([key, verdict]) => map.elements.get(key) !== verdict).map(([key]) => key) : [];
    elements.push(...elementStatements('delete', table, name, gone));
    elements.push(
      ...elementStatements(
        'add',
        table,
        name,
        [...map.elements].filter(isChanged).map(([key, verdict]) => `${key} : ${verdict}`),
      ),
    );
  }
  for (const [name, chain] of next.chains) {
    const old = previous.chains.get(name);
    if (!old) add.push(`add chain ${table} ${name}${chain.hook === undefined ? '' : ` { ${chain.hook} }`}`);
    else if (old.hook !== chain.hook)
      throw new Error(`Cannot change the hook of chain ${name} in place: found "${old.hook}", expected "${chain.hook}"`);
    else if (sameRules(old, chain)) continue;
    else rules.push(`flush chain ${table} ${name}`);
    rules.push(...chain.rules.map((rule) => `add rule ${table} ${name} ${rule}`));
  }
  // A chain's rules may hold the last reference to another chain or set: flush all that go before deleting any.
  const goneChains = [...previous.chains.keys()].filter((name) => !next.chains.has(name));
  remove.push(...goneChains.map((name) => `flush chain ${table} ${name}`));
  remove.push(...[...previous.maps.keys()].filter((name) => !next.maps.has(name)).map((name) => `delete map ${table} ${name}`));
  remove.push(...goneChains.map((name) => `delete chain ${table} ${name}`));
  remove.push(...[...previous.sets.keys()].filter((name) => !next.sets.has(name)).map((name) => `delete set ${table} ${name}`));

  const statements = [...add, ...rules, ...elements, ...remove];
  return statements.length === 0 ? '' : `${statements.join('\n')}\n`;
}
