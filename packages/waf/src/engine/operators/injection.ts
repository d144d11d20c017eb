import type { OperatorFactory } from './types.ts';

export const detectSQLi: OperatorFactory = () => () => false;
export const detectXSS: OperatorFactory = () => () => false;
