export * from './filter.ts';
export * from './format.ts';
export * from './packet.ts';
export * from './record.ts';
