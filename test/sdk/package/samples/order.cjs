// By require: the same transaction.
const { defineContract, TransactionCancelled } = require('@tercet/sdk');
const { createTestWorld, scripted } = require('@tercet/sdk/testing');
const { Type } = require('@tercet/sdk/typebox');
const { printEnds } = require('./print-ends.cjs');

printEnds({ defineContract, TransactionCancelled, createTestWorld, scripted, Type });
