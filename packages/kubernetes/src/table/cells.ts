import type { KubernetesObject } from '../object.ts';
import { formatLabelSelector, type LabelSelectorObject } from '../selectors.ts';

/** What the server puts in a table cell: text for the reader, numbers where they are numbers. */
export type Cell = string | number | boolean;

/** Cells of one row, in column order, wide columns included (kubernetes `pkg/printers/internalversion`). */
export type RowPrinter = (object: KubernetesObject, now: Date) => Cell[];

export const none = '<none>';
export const unknown = '<unknown>';
export const unset = '<unset>';

/** Ages as kubectl shows them: two units where the second still tells something (apimachinery util/duration). */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 365 * 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

/** Time since a timestamp; `<unknown>` when there is none. */
export function since(timestamp: string | null | undefined, now: Date): string {
  const then = timestamp ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(then) ? unknown : formatDuration(now.getTime() - then);
}

export const age = (object: KubernetesObject, now: Date): string => since(object.metadata.creationTimestamp, now);

export const nameOf = (object: KubernetesObject): string => object.metadata.name ?? '';

/** `a=b,c=d` in the order of the keys. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const parts = Object.entries(labels ?? {}).map(([k, v]) => `${k}=${v}`);
  return parts.length === 0 ? none : parts.sort().join(',');
}

export const formatSelector = (selector: LabelSelectorObject | undefined): string => (selector && formatLabelSelector(selector)) || none;

/** At most three, then `+ N more...`. */
export function formatSome(items: readonly string[], whenEmpty: string, max = 3): string {
  if (items.length === 0) return whenEmpty;
  const shown = items.slice(0, max).join(',');
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}

interface NamedImage {
  readonly name?: string;
  readonly image?: string;
}

/** The two wide columns Containers and Images. */
export function containersAndImages(containers: readonly NamedImage[] | undefined): [string, string] {
  const list = containers ?? [];
  return [list.map((c) => c.name ?? '').join(','), list.map((c) => c.image ?? '').join(',')];
}
