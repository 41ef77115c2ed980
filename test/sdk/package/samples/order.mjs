// By import: one transaction of two participants, with the coordinator in memory.
import { createRequire } from 'node:module';
import { defineContract, Tercet, TransactionCancelled } from '@tercet/sdk';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import { Type } from '@tercet/sdk/typebox';
import { printEnds } from './print-ends.cjs';

const required = createRequire(import.meta.url)('@tercet/sdk');
if (required.Tercet !== Tercet) throw new Error('import and require do not get the same module');
await printEnds({ defineContract, TransactionCancelled, createTestWorld, scripted, Type });
