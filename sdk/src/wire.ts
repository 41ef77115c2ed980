/** `@tercet/sdk/wire`: the schemas of the API and of the calls, which the coordinator and the SDK share. */
export * from '../../src/wire/index.ts';
