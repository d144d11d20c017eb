import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** One row to write or to remove, and what the history keeps of it: the state before and, when it is removed, the last state. */
export interface DatabaseChange {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly rv: number;
  readonly isDeleted: boolean;
  /** The new state; of a deletion the last one, stamped with the deletion's version. */
  readonly json: string;
  readonly previous: { readonly rv: number; readonly json: string } | undefined;
}

export interface StoredRow {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly rv: number;
  readonly json: string;
}

/** One past change; the state it led to is the `previous` of the next change of the object, or the object's own row. */
export interface HistoryRow {
  readonly rv: number;
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly previousRv: number | null;
  readonly previous: string | null;
  /** Only of a deletion. */
  readonly last: string | null;
}

export interface HistoryLimits {
  readonly maxChanges: number;
  /** Characters of serialised objects. */
  readonly maxChars: number;
}

/** Commits between two looks at what the history may forget. */
const TRIM_EVERY = 512;

/**
 * The file behind the store. WAL with synchronous=NORMAL: a killed process loses nothing that was committed (the pages are
 * with the kernel); only a power failure may take the last moments, as in an etcd without fsync.
 */
export class StateDatabase {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #setMeta: StatementSync;
  readonly #remember: StatementSync;
  readonly #limits: HistoryLimits;
  #sinceTrim = 0;

  constructor(path: string, limits: HistoryLimits) {
    this.#limits = limits;
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
    this.#db.exec(`
      CREATE TABLE IF NOT EXISTS objects (
        type TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, rv INTEGER NOT NULL, json TEXT NOT NULL,
        UNIQUE (type, namespace, name));
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS history (
        rv INTEGER PRIMARY KEY, size INTEGER NOT NULL, type TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
        previousRv INTEGER, previous TEXT, last TEXT);`);
    this.#put = this.#db.prepare(
      'INSERT INTO objects (type, namespace, name, rv, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, namespace, name) DO UPDATE SET rv = excluded.rv, json = excluded.json',
    );
    this.#remove = this.#db.prepare('DELETE FROM objects WHERE type = ? AND namespace = ? AND name = ?');
    this.#setMeta = this.#db.prepare(
      'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    );
    this.#remember = this.#db.prepare(
      'INSERT INTO history (rv, size, type, namespace, name, previousRv, previous, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    // A file from before there was a history knows nothing of its past.
    if (this.#meta('historyFloor') === undefined) this.#setMeta.run('historyFloor', this.revision());
  }

  revision(): number {
    return this.#meta('revision') ?? 0;
  }

  /** Changes up to and including this version are forgotten. */
  historyFloor(): number {
    return this.#meta('historyFloor')!;
  }

  /** Newest first: each row undoes one change. */
  *history(): IterableIterator<HistoryRow> {
    for (const row of this.#db.prepare('SELECT * FROM history ORDER BY rv DESC').iterate()) yield row as unknown as HistoryRow;
  }

  *rows(): IterableIterator<StoredRow> {
    for (const row of this.#db.prepare('SELECT type, namespace, name, rv, json FROM objects').iterate()) {
      yield row as unknown as StoredRow;
    }
  }

  /** All or nothing; throws what SQLite says (disk full, I/O error) after rolling back. */
  commit(changes: readonly DatabaseChange[], revision: number): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const change of changes) {
        const { type, namespace, name, rv, json, previous } = change;
        if (change.isDeleted) this.#remove.run(type, namespace, name);
        else this.#put.run(type, namespace, name, rv, json);
        const last = change.isDeleted ? json : null;
        const size = (previous?.json.length ?? 0) + (last?.length ?? 0);
        this.#remember.run(rv, size, type, namespace, name, previous?.rv ?? null, previous?.json ?? null, last);
      }
      this.#setMeta.run('revision', revision);
      this.#sinceTrim += changes.length;
      if (this.#sinceTrim >= TRIM_EVERY) this.#trim();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }

  #meta(name: string): number | undefined {
    const row = this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name);
    return row === undefined ? undefined : Number(row['value']);
  }

  #trim(): void {
    this.#sinceTrim = 0;
    const newest = this.#db.prepare('SELECT rv, size FROM history ORDER BY rv DESC').iterate();
    let [changes, chars] = [0, 0];
    for (const { rv, size } of newest) {
      chars += Number(size);
      if (++changes <= this.#limits.maxChanges && chars <= this.#limits.maxChars) continue;
      this.#db.prepare('DELETE FROM history WHERE rv <= ?').run(Number(rv));
      this.#setMeta.run('historyFloor', Number(rv));
      return;
    }
  }
}
