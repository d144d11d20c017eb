export function findMongo(): string | undefined;
export function installMongo(say: (line: string) => void): string | undefined;
