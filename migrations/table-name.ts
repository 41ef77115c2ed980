/**
 * Names of tables and indexes. All begin with the prefix of this system, which the data source has: so two systems work in one
 * schema, or one next to tables of an application.
 */
import type { DataSource } from 'typeorm';

export const prefixOf = (dataSource: DataSource): string => dataSource.options.entityPrefix ?? '';

/** @param name of a table or an index, without prefix */
export const fullName = (dataSource: DataSource, name: string): string => `${prefixOf(dataSource)}${name}`;

/** For SQL. Quoted, since a prefix may begin with a digit; each of the databases takes these quotes. */
export const sqlName = (dataSource: DataSource, name: string): string => `\`${fullName(dataSource, name)}\``;
