/** `@tercet/sdk/error-fields`: what may be logged of an error; the coordinator and the SDK share it. */
export * from '../../src/wire/error-fields/fields.ts';
