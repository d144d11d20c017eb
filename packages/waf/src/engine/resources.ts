/** Fields of the GEO collection for an address, or undefined when the database does not know it. */
export type GeoLookup = (address: string) => Readonly<Record<string, string>> | undefined;
