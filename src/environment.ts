/** The environment of the process. No other file reads it. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const environment: NodeJS.ProcessEnv = process.env;
