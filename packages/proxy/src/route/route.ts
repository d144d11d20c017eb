/** What a request's route says, compiled. */
import type { HeaderValueOption } from '@palisade/xds/api/envoy/config/core/v3/base';
import { HeaderValueOption_HeaderAppendAction as Append } from '@palisade/xds/api/envoy/config/core/v3/base';
import type { Cell } from '../cells.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { headerName, headerText } from '../config/header-text.ts';
import type { RequestFacts } from '../facts.ts';
import { unsupported } from '../proxy-error.ts';

export interface HeaderChanges {
  /** Lower case. */
  readonly remove: readonly string[];
  readonly add: readonly { readonly name: string; readonly value: string; readonly ifAbsent: boolean }[];
}

export const noChanges: HeaderChanges = { remove: [], add: [] };

export interface RouteTarget {
  readonly cluster: Cell<Cluster>;
  readonly weight: number;
  /** `envoy.lb` labels an endpoint must carry. */
  readonly labels: Readonly<Record<string, unknown>> | undefined;
  readonly hostRewrite: string | undefined;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

export type RouteAction =
  | {
      readonly kind: 'forward';
      readonly pickTarget: (random: () => number) => RouteTarget;
      /** 0 = no limit. */
      readonly timeoutMs: number;
      readonly retries: number;
      readonly retriesOnConnectFailure: boolean;
      readonly rewritePath: ((path: string) => string) | undefined;
    }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: (request: RequestFacts) => string };

export interface CompiledRoute {
  readonly name: string;
  readonly matches: (request: RequestFacts, path: string, random: () => number) => boolean;
  readonly action: RouteAction;
}

export function compileHeaderChanges(add: readonly HeaderValueOption[], remove: readonly string[], where: string): HeaderChanges {
  if (add.length === 0 && remove.length === 0) return noChanges;
  const removed = remove.map((name) => name.toLowerCase());
  const added = add.map((option) => {
    const { key, value } = option.header ?? { key: '', value: '' };
    headerName(key, where);
    headerText(value, `the value of header "${key}"`, where);
    if (/%[A-Z]/.test(value)) throw unsupported(where, `the substitution in header "${key}: ${value}"`);
    const action = option.appendAction;
    if (action === Append.OVERWRITE_IF_EXISTS_OR_ADD || option.append?.valueOf() === false) removed.push(key.toLowerCase());
    if (action === Append.OVERWRITE_IF_EXISTS) throw unsupported(where, 'append_action OVERWRITE_IF_EXISTS');
    return { name: key, value: value.replaceAll('%%', '%'), ifAbsent: action === Append.ADD_IF_ABSENT };
  });
  return { remove: removed, add: added };
}

export function joinChanges(parts: readonly HeaderChanges[]): HeaderChanges {
  const some = parts.filter((part) => part !== noChanges);
  if (some.length === 0) return noChanges;
  return { remove: some.flatMap((part) => part.remove), add: some.flatMap((part) => part.add) };
}
