/** Resolve `/./`, `/../` and repeated slashes; a path never climbs above `/`, a relative one keeps its leading `..`. */
export function normalizePath(value: string): string {
  return needsWork.test(value) ? normalize(value) : value;
}

/** As normalizePath, after turning backslashes into slashes. */
export function normalizePathWin(value: string): string {
  return normalizePath(value.includes('\\') ? value.replaceAll('\\', '/') : value);
}

const needsWork = /\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;

function normalize(value: string): string {
  const isAbsolute = value.startsWith('/');
  const parts = value.split('/');
  const last = parts.at(-1)!;
  // A final `.` or `..` leaves no slash behind; a final slash stays.
  let hasTrailingSlash = last === '' && value.length > 1;
  const kept: string[] = [];
  for (const part of parts) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!isAbsolute) kept.push('..');
  }
  if (kept.length === 0) {
    if (isAbsolute) return '/';
    hasTrailingSlash = false;
  }
  return (isAbsolute ? '/' : '') + kept.join('/') + (hasTrailingSlash ? '/' : '');
}
