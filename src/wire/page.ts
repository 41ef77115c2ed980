/** Lists are read page by page: what a query says of the page, and what a page says of the next one. */
import { Type } from 'typebox';
import { nullable } from './vocabulary.ts';

/** Everything in a query is text. */
export const pageQuery = (what: string, defaultLimit: number) => ({
  cursor: Type.Optional(Type.String({ description: 'The nextCursor of the page before.' })),
  limit: Type.Optional(
    Type.String({
      pattern: '^(?:[1-9][0-9]?|1[0-9]{2}|200)$',
      description: `How many ${what} a page has at most: 1 to 200, and ${defaultLimit} when absent.`,
      examples: [String(defaultLimit)],
    }),
  ),
});

export const nextCursor = nullable(
  Type.String({ description: 'Names the next page, as cursor; null on the last page.' }),
);
