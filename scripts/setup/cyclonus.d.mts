export function findCyclonus(): string | undefined;
export function installCyclonus(say: (line: string) => void): string | undefined;
