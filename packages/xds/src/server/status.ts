/** How far a proxy has followed, by type (what `proxy-status` shows). */
export interface TypeStatus {
  /** Of the last answer; empty before any. */
  sentVersion: string;
  ackedVersion: string;
  /** The proxy's complaint about the last answer; absent once it took one. */
  nack?: { readonly version: string; readonly message: string };
}

export type ProxyStatus = Map<string, TypeStatus>;

export function statusOf(status: ProxyStatus, typeUrl: string): TypeStatus {
  let entry = status.get(typeUrl);
  if (entry === undefined) {
    entry = { sentVersion: '', ackedVersion: '' };
    status.set(typeUrl, entry);
  }
  return entry;
}

/** @returns whether the answer was taken */
export function recordAnswer(entry: TypeStatus, error: { readonly message: string } | undefined): boolean {
  if (error === undefined) {
    entry.ackedVersion = entry.sentVersion;
    delete entry.nack;
    return true;
  }
  entry.nack = { version: entry.sentVersion, message: error.message };
  return false;
}
