/** The answers that every route may give, as OpenAPI tells them. */
import { ProblemDocument } from '../wire/index.ts';
import type { TSchema } from 'typebox';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_MEDIA_TYPE]: { schema: ProblemDocument } },
});

/** For each route: whatever it refuses, and whatever fails, is a problem document. */
export const problems = {
  '4xx': problem('The request was refused, and changed nothing.'),
  '5xx': problem('The coordinator failed or cannot serve now; the request may be sent again.'),
};

/** A successful answer with a description of its own. */
export const answer = <Schema extends TSchema>(schema: Schema, description: string): Schema => ({
  ...schema,
  description,
});
