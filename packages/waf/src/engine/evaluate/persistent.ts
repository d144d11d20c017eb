import { atoi } from '../operators/numbers.ts';
import type { StoredValue } from '../transaction/collections.ts';
import type { TransactionState, TxValue } from '../transaction/state.ts';

/** Members that are not kept. */
const madeOnLoad: ReadonlySet<string> = new Set(['key', 'is_new', 'update_rate']);

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** What a collection tells of itself (Reference Manual 2.9, "Persistent Storage"). */
function describeCollection(state: TransactionState, values: Map<string, TxValue>): void {
  const now = seconds(state.now());
  const set = (key: string, value: number) => values.set(key.toLowerCase(), { key, value: String(value) });
  const created = values.get('create_time');
  set('IS_NEW', created ? 0 : 1);
  if (!created) {
    set('CREATE_TIME', now);
    set('UPDATE_COUNTER', 0);
    set('TIMEOUT', state.ruleSet.settings.collectionTimeout);
  }
  const age = now - atoi(values.get('create_time')!.value);
  // Updates a minute.
  set('UPDATE_RATE', age > 0 ? Math.floor((60 * atoi(values.get('update_counter')?.value ?? '0')) / age) : 0);
}

function countUpdate(values: Map<string, TxValue>, nowMs: number): void {
  values.set('last_update_time', { key: 'LAST_UPDATE_TIME', value: String(seconds(nowMs)) });
  values.set('update_counter', { key: 'UPDATE_COUNTER', value: String(atoi(values.get('update_counter')?.value ?? '0') + 1) });
}

/**
 * `deprecatevar:session.score=60/300`: less by 60 for each whole 300 seconds since the collection was kept last, and never
 * below zero.
 */
export function deprecateVar(state: TransactionState, collection: string, key: string, amount: number, period: number): void {
  const kept = state.persistent.get(collection);
  const member = kept?.values.get(key.toLowerCase());
  const updated = kept?.values.get('last_update_time');
  if (!kept || !member || !updated) return;
  const periods = Math.floor((seconds(state.now()) - atoi(updated.value)) / period);
  const before = atoi(member.value);
  const value = Math.max(0, before - amount * periods);
  if (value === before) return;
  kept.values.set(key.toLowerCase(), { key: member.key, value: String(value) });
  kept.isChanged = true;
}

/** Load a collection, new or as it was left. */
export function initCollection(state: TransactionState, collection: string, key: string): void {
  if (state.persistent.has(collection)) return;
  const values = new Map<string, TxValue>();
  const nowMs = state.now();
  for (const member of state.store.load(collection, key, nowMs)) {
    values.set(member.key.toLowerCase(), { key: member.key, value: member.value });
    if (member.expiresMs !== undefined) state.expiries.set(`${collection}\0${member.key.toLowerCase()}`, member.expiresMs);
  }
  state.trace?.(5, `Collection \`${collection}' initialized with value: ${key}`);
  const loaded = new Map(values);
  values.set('key', { key: 'KEY', value: key });
  if (state.ruleSet.profile !== 'modsecurity3') describeCollection(state, values);
  state.persistent.set(collection, { key, values, loaded, isChanged: false });
}

/** `expirevar`: the member ends in so many seconds. */
export function expireVar(state: TransactionState, collection: string, key: string, seconds: number): void {
  const kept = state.persistent.get(collection);
  if (!kept) return;
  state.expiries.set(`${collection}\0${key.toLowerCase()}`, state.now() + seconds * 1000);
  kept.isChanged = true;
}

/** Write changed persistent collections back; call once, after phase 5. */
export function saveCollections(state: TransactionState): void {
  const nowMs = state.now();
  for (const [collection, kept] of state.persistent) {
    if (!kept.isChanged) continue;
    const stored = new Map(state.store.load(collection, kept.key, nowMs).map((member) => [member.key.toLowerCase(), member]));
    const values: StoredValue[] = [...stored]
      .filter(([lower]) => !kept.loaded.has(lower) && !kept.values.has(lower))
      .map(([, other]) => other);
    if (state.ruleSet.profile !== 'modsecurity3') countUpdate(kept.values, nowMs);
    for (const [lower, { key, value }] of kept.values) {
      if (madeOnLoad.has(lower)) continue;
      const merged = mergeValue(value, kept.loaded.get(lower)?.value, stored.get(lower)?.value);
      values.push({ key, value: merged, expiresMs: state.expiries.get(`${collection}\0${lower}`) });
    }
    const timeout = atoi(kept.values.get('timeout')?.value ?? '') || state.ruleSet.settings.collectionTimeout;
    state.store.save(collection, kept.key, values, nowMs, timeout);
  }
}

/** Requests overlap: a counter keeps what others added since it was loaded; what this request left alone stays theirs. */
function mergeValue(value: string, loaded: string | undefined, stored: string | undefined): string {
  if (stored === undefined || stored === loaded) return value;
  if (value === loaded) return stored;
  const isCounter = [value, loaded ?? '0', stored].every((text) => /^-?\d{1,15}$/.test(text));
  return isCounter ? String(Number(stored) + Number(value) - Number(loaded ?? 0)) : value;
}
