export type { HtmlStart, HtmlToken } from './html5.ts';
export { HtmlTokenizer } from './html5.ts';
export { detectSqlInjection, readSql } from './sqli.ts';
export type { SqlContext, SqlToken } from './sqli-token.ts';
export { SqlTokenizer } from './sqli-tokenizer.ts';
export { detectXss } from './xss.ts';
