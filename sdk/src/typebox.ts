/** `@tercet/sdk/typebox`: the `typebox` that the SDK brings along, also where the original cannot be loaded, as in Jest's CommonJS. */
export * from 'typebox';
