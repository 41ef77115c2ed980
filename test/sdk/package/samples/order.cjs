// By require: the same transaction.
const { defineContract, TransactionCancelled } = require('@tercet/sdk');
const { createTestWorld, scripted } = require('@tercet/sdk/testing');
const { Type } = require('typebox');
const { tell } = require('./tell.cjs');

tell({ defineContract, TransactionCancelled, createTestWorld, scripted, Type });
