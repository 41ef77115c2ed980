/** The environment of the process. No other file reads or sets it. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const environment: NodeJS.ProcessEnv = process.env;

/** For libraries that read it by themselves. */
export function setDefault(name: string, value: string): void {
  environment[name] ??= value;
}
