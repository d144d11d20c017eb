const AUDIT_ANNOTATION = 'palisade.dev/audit';

/** Only the exact text `true` takes a policy out of force; anything else leaves it enforced. */
export function isInAuditMode(object: unknown): boolean {
  const annotations = (object as { metadata?: { annotations?: unknown } } | null)?.metadata?.annotations;
  return typeof annotations === 'object' && annotations !== null && (annotations as Record<string, unknown>)[AUDIT_ANNOTATION] === 'true';
}
