// The business code, which requires the SDK.
const { currentCall, Refusal } = require('@tercet/sdk');

module.exports = { Refusal, currentCall };
