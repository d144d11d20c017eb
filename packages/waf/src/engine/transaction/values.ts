import { textOf } from '../body/xml-tree.ts';
import type { XPath } from '../body/xpath.ts';
import { selectXPath } from '../body/xpath.ts';
import type { MacroReference } from '../compile/macro.ts';
import type { TargetSource, TargetSpec } from '../compile/targets.ts';
import { mapCollections } from '../compile/targets.ts';
import type { TargetGroup } from '../variables/target.ts';
import { Target, targetName } from '../variables/target.ts';
import { unsetValue } from '../variables/unset.ts';
import type { TransactionState, TxValue } from './state.ts';

/** Values of a spec. Stable ones are collected once and kept until the request learns more. */
export function collectTargets(state: TransactionState, spec: TargetSpec): readonly TargetGroup[] {
  if (!spec.isStable) return spec.sources.map((source) => collect(state, source));
  const known = state.targetCache[spec.slot];
  if (known) return known;
  const groups = spec.sources.map((source) => collect(state, source));
  state.targetCache[spec.slot] = groups;
  return groups;
}

/** All that a source may give, and a little more: name patterns and exclusions are not applied, but to counts. */
export function broadTargets(state: TransactionState, source: TargetSource): readonly Target[] {
  return source.isCount ? collect(state, source).targets : membersOf(state, source);
}

function membersOf(state: TransactionState, source: TargetSource): readonly Target[] {
  const targets = listOf(state, source);
  // Keyed maps were asked for the member already.
  return source.key !== undefined && !source.isMap ? withKey(state, targets, source.key) : targets;
}

function collect(state: TransactionState, source: TargetSource): TargetGroup {
  let targets = membersOf(state, source);
  const { keyTest, exclusions } = source;
  if (keyTest) targets = targets.filter(keyTest);
  if (exclusions.length > 0) targets = targets.filter((target) => !exclusions.some((excludes) => excludes(target)));
  if (source.isCount)
    return {
      collection: state.ruleSet.profile === 'modsecurity3' ? source.collection : `&${source.collection}`,
      targets: [new Target(source.writtenKey, String(targets.length), true)],
    };
  return { collection: source.collection, targets };
}

const noTargets: readonly Target[] = [];

/** Members with a name, by an index that all rules over the collection share. */
function withKey(state: TransactionState, targets: readonly Target[], key: string): readonly Target[] {
  if (targets.length === 0) return noTargets;
  let index = state.keyIndexes.get(targets);
  if (!index) {
    index = new Map();
    for (const target of targets) {
      const known = index.get(target.lowerKey);
      if (known) known.push(target);
      else index.set(target.lowerKey, [target]);
    }
    state.keyIndexes.set(targets, index);
  }
  return index.get(key) ?? noTargets;
}

function listOf(state: TransactionState, source: TargetSource): readonly Target[] {
  if (source.isMap) {
    const map = mapOf(state, source.collection);
    if (!map) return [];
    if (source.key === undefined) return Array.from(map.values(), (member) => new Target(member.key, member.value));
    const member = map.get(source.key);
    return member ? [new Target(member.key, member.value)] : [];
  }
  for (const [prefix, href] of source.xpath?.namespaces ?? [])
    state.trace?.(4, `Registered XML namespace href "${href}" prefix "${prefix}"`);
  if (source.xpath) return nodesOf(state, source.xpath);
  return valuesOf(state, source.collection);
}

/** A member's name as logs and MATCHED_VAR_NAME show it. ModSecurity 3 shows which collection it is, too: `IP:10.0.0.1::app::counter`. */
export function shownName(state: TransactionState, collection: string, key: string): string {
  const kept = state.ruleSet.profile === 'modsecurity3' ? state.persistent.get(collection.toLowerCase()) : undefined;
  return kept ? `${collection}:${kept.key}::${state.ruleSet.settings.webAppId}::${key}` : targetName(collection, key);
}

/** Rules with the same path share its nodes. */
function nodesOf(state: TransactionState, xpath: XPath): readonly Target[] {
  if (!state.xml) return noTargets;
  const name = `XML:${xpath.source}:${xpath.identity}`;
  const known = state.lists.get(name);
  if (known) return known;
  const values = selectXPath(state.xml, xpath);
  return remember(
    state,
    name,
    values.map((value) => new Target(xpath.source, value)),
  );
}

/** TX, ENV, GEO and the persistent collections; undefined when the collection was not initialised. */
export function mapOf(state: TransactionState, collection: string): Map<string, TxValue> | undefined {
  if (collection === 'TX') return state.tx;
  if (collection === 'ENV') return state.env;
  if (collection === 'GEO') return state.geo;
  return state.persistent.get(collection.toLowerCase())?.values;
}

const one = (value: string): Target[] => [new Target('', value)];

/** All values of a variable by name. */
export function valuesOf(state: TransactionState, name: string): readonly Target[] {
  const stored = state.lists.get(name);
  if (stored) return stored;
  const found = computed[name]?.(state) ?? noTargets;
  if (found.length > 0) return found;
  const unset = unsetValue(name, state.ruleSet.profile);
  return unset === undefined ? found : one(unset);
}

const keysOf = (name: string) => (state: TransactionState) =>
  remember(
    state,
    `${name}_NAMES`,
    valuesOf(state, name).map((target) => new Target(target.key, target.key, true)),
  );

/** Keep what was computed, so that its prefilter results stay with it. */
function remember(state: TransactionState, name: string, targets: readonly Target[]): readonly Target[] {
  state.setList(name, targets);
  return targets;
}

const pad = (number: number): string => String(number).padStart(2, '0');
const date = (state: TransactionState): Date => new Date(state.now());

/** Variables that are made on demand. Those that `remember` are dropped when their source grows (see `forgetDerived`). */
const computed: Readonly<Record<string, (state: TransactionState) => readonly Target[]>> = {
  ARGS: (state) => remember(state, 'ARGS', [...valuesOf(state, 'ARGS_GET'), ...valuesOf(state, 'ARGS_POST')]),
  ARGS_NAMES: (state) => remember(state, 'ARGS_NAMES', [...valuesOf(state, 'ARGS_GET_NAMES'), ...valuesOf(state, 'ARGS_POST_NAMES')]),
  ARGS_GET_NAMES: keysOf('ARGS_GET'),
  ARGS_POST_NAMES: keysOf('ARGS_POST'),
  ARGS_COMBINED_SIZE: (state) => {
    const args = valuesOf(state, 'ARGS');
    if (args.length === 0 && state.ruleSet.profile !== 'modsecurity2') return [];
    return one(String(args.reduce((sum, target) => sum + target.key.length + target.value.length, 0)));
  },
  REQUEST_HEADERS_NAMES: keysOf('REQUEST_HEADERS'),
  REQUEST_COOKIES_NAMES: keysOf('REQUEST_COOKIES'),
  RESPONSE_HEADERS_NAMES: keysOf('RESPONSE_HEADERS'),
  XML: (state) => (state.xml ? one(textOf(state.xml)) : []),
  MATCHED_VAR: (state) => (state.matchedVar ? one(state.matchedVar.value) : []),
  MATCHED_VAR_NAME: (state) => (state.matchedVar ? one(state.matchedVar.name) : []),
  MATCHED_VARS: (state) => state.matchedVars.map(({ name, value }) => new Target(name, value)),
  MATCHED_VARS_NAMES: (state) => state.matchedVars.map(({ name }) => new Target(name, name)),
  HIGHEST_SEVERITY: (state) => one(String(state.highestSeverity)),
  REQBODY_PROCESSOR: (state) => one(state.requestBodyProcessor),
  UNIQUE_ID: (state) => one(state.id),
  REMOTE_ADDR: (state) => one(state.connection.clientAddress),
  REMOTE_HOST: (state) => one(state.connection.clientAddress),
  USERAGENT_IP: (state) => one(state.connection.clientAddress),
  REMOTE_PORT: (state) => one(String(state.connection.clientPort)),
  SERVER_ADDR: (state) => one(state.connection.serverAddress),
  SERVER_PORT: (state) => one(String(state.connection.serverPort)),
  SESSIONID: (state) => one(state.sessionId),
  USERID: (state) => one(state.userId),
  WEBAPPID: (state) => one(state.ruleSet.settings.webAppId),
  MODSEC_BUILD: () => one('030000000'),
  DURATION: (state) => one(duration(state)),
  MSC_PCRE_ERROR: (state) => one(state.limits.length > 0 ? '1' : '0'),
  MSC_PCRE_LIMITS_EXCEEDED: (state) => one(state.limits.length > 0 ? '1' : '0'),
  TIME: (state) => one([date(state).getHours(), date(state).getMinutes(), date(state).getSeconds()].map(pad).join(':')),
  TIME_DAY: (state) => one(String(date(state).getDate())),
  TIME_EPOCH: (state) => one(String(Math.floor(state.now() / 1000))),
  TIME_HOUR: (state) => one(pad(date(state).getHours())),
  TIME_MIN: (state) => one(pad(date(state).getMinutes())),
  // tm_mon counts from 0 in both ModSecurity engines.
  TIME_MON: (state) => one(String(date(state).getMonth())),
  TIME_SEC: (state) => one(pad(date(state).getSeconds())),
  TIME_WDAY: (state) => one(String(date(state).getDay())),
  TIME_YEAR: (state) => one(String(date(state).getFullYear())),
  RULE: ruleMembers,
};

/** Milliseconds; seconds in ModSecurity 3. */
function duration(state: TransactionState): string {
  const ms = Math.max(0, state.now() - state.startMs);
  return state.ruleSet.profile === 'modsecurity3' ? (ms / 1000).toFixed(6) : String(ms);
}

function ruleMembers(state: TransactionState): readonly Target[] {
  const rule = state.currentRule;
  if (!rule) return [];
  const { meta } = rule;
  const text = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : String(value));
  return [
    new Target('id', String(rule.id)),
    new Target('rev', text(meta.rev)),
    new Target('severity', text(meta.severity)),
    new Target('msg', text(meta.msg)),
    new Target('logdata', text(meta.logdata)),
  ];
}

const derived = ['ARGS', 'ARGS_NAMES', 'ARGS_POST_NAMES', 'RESPONSE_HEADERS_NAMES'];

/** Drop what was computed from lists that have grown. */
export function forgetDerived(state: TransactionState): void {
  for (const name of derived) state.lists.delete(name);
  state.dropCaches();
}

/** First value of a variable or member, for macros. */
export function lookupValue(state: TransactionState, { collection, key, keyPattern }: MacroReference): string {
  const map = mapCollections.has(collection) ? mapOf(state, collection) : undefined;
  const members = map ? map.values() : valuesOf(state, collection);
  if (keyPattern) return [...members].find((member) => keyPattern.test(member.key) === 'match')?.value ?? '';
  if (map) return map.get(key.toLowerCase())?.value ?? '';
  const targets = valuesOf(state, collection);
  if (key === '') return targets[0]?.value ?? '';
  const wanted = key.toLowerCase();
  return targets.find((target) => target.lowerKey === wanted)?.value ?? '';
}
