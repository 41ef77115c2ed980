/** A program that tests run, and what stands before its arguments; or why there is none. */
export type Tool = { readonly command: readonly string[] } | { readonly reason: string };
