import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** One row to write or, without `json`, to remove. */
export interface DatabaseChange {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly rv: number;
  readonly json?: string;
}

export interface StoredRow {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
  readonly rv: number;
  readonly json: string;
}

/**
 * The file behind the store. WAL with synchronous=NORMAL: a killed process loses nothing that was committed (the pages are
 * with the kernel); only a power failure may take the last moments, as in an etcd without fsync.
 */
export class StateDatabase {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #setRevision: StatementSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
    this.#db.exec(`
      CREATE TABLE IF NOT EXISTS objects (
        type TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, rv INTEGER NOT NULL, json TEXT NOT NULL,
        UNIQUE (type, namespace, name));
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);`);
    this.#put = this.#db.prepare(
      'INSERT INTO objects (type, namespace, name, rv, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, namespace, name) DO UPDATE SET rv = excluded.rv, json = excluded.json',
    );
    this.#remove = this.#db.prepare('DELETE FROM objects WHERE type = ? AND namespace = ? AND name = ?');
    this.#setRevision = this.#db.prepare(
      "INSERT INTO meta (name, value) VALUES ('revision', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
  }

  revision(): number {
    const row = this.#db.prepare("SELECT value FROM meta WHERE name = 'revision'").get();
    return row === undefined ? 0 : Number(row['value']);
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
        if (change.json === undefined) this.#remove.run(change.type, change.namespace, change.name);
        else this.#put.run(change.type, change.namespace, change.name, change.rv, change.json);
      }
      this.#setRevision.run(revision);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}
