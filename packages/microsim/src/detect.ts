/** What the server calls an attack, judged on the request target alone, as in the original. */
import { unquote } from './python-text.ts';

export type DetectedAttack = 'SQLi' | 'XSS' | 'Directory Traversal';

/** The dots of the traversal pattern stand for any character, as in the original. */
const traversal = /..\/..\/..\/..\/..\/passwd/;

export function detectAttacks(target: string): DetectedAttack[] {
  const found: DetectedAttack[] = [];
  const decoded = unquote(target);
  if (unquote(target.replaceAll('+', ' ')).includes('UNION SELECT')) found.push('SQLi');
  if (decoded.includes('<script>alert')) found.push('XSS');
  if (traversal.test(decoded)) found.push('Directory Traversal');
  return found;
}
