import { STATUS_CODES } from 'node:http';

export const reasonPhrase = (status: number) => STATUS_CODES[status] ?? 'Unknown';
