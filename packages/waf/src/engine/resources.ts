/** Fields of the GEO collection for an address, or undefined when the database does not know it. */
export type GeoLookup = (address: string) => Readonly<Record<string, string>> | undefined;

/** Where uploaded files are put for the time of a transaction, or longer (SecUploadKeepFiles, SecTmpSaveUploadedFiles). */
export interface UploadStore {
  /** @returns the path; FILES_TMPNAMES shows it. @throws when the file cannot be written */
  save(content: string, place: { readonly folder: string | undefined; readonly mode: number | undefined }): string;
  remove(path: string): void;
}

/** Runs the program of `@inspectFile` on a file and returns what it printed; "1…" approves. */
export type InspectFile = (program: string, file: string) => string;
