/** HTTP filters one after another, without a promise where none of them waits. */
import { filterFailed } from './replies.ts';
import type { HttpFilter, LocalReply, RequestState } from './request-state.ts';

/** @returns the first refusal; undefined: all pass. A filter that fails denies. */
export function runFilters(
  filters: readonly HttpFilter[],
  state: RequestState,
  from = 0,
): LocalReply | undefined | Promise<LocalReply | undefined> {
  try {
    for (let i = from; i < filters.length; i++) {
      const verdict = filters[i]!(state);
      if (verdict instanceof Promise)
        return verdict.then((settled) => settled ?? runFilters(filters, state, i + 1)).catch(() => filterFailed);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  } catch {
    return filterFailed;
  }
}
