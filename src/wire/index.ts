/**
 * The wire: what travels between initiator, coordinator and operator, as schemas. Each is validation, type and
 * OpenAPI at once; a schema and its type have one name.
 */
export { AlertPost, AlertView } from './alert-post.ts';
export { BeginRequest } from './begin-request.ts';
export { BranchRequest } from './branch-request.ts';
export { CallbackRequest, EndingNotice } from './callback.ts';
export { CALL_HEADERS } from './call-headers.ts';
export { CancelRequest, MAX_NOTE_LENGTH } from './cancel-request.ts';
export { CompletionRequest, CompletionView, MAX_REASON_LENGTH } from './completion.ts';
export { ConfirmRequest } from './confirm-request.ts';
export { FinalityRequest, FinalityView } from './finality.ts';
export { LiveView, ReadyView } from './health-view.ts';
export { isServed, SERVED_KINDS } from './kinds.ts';
export { AttemptView, EventsQuery, EventsView, EventView } from './journal-view.ts';
export {
  ParticipantRemovalQuery,
  ParticipantRemovalView,
  ParticipantRequest,
  ParticipantRetryView,
  ParticipantsQuery,
  ParticipantsView,
  ParticipantView,
} from './participant.ts';
export { PathEntry, TransactionDetails } from './path-view.ts';
export { type Fault, ProblemDocument } from './problem-document.ts';
export { BranchView, CallbackView, CallView, DecisionView, TransactionView } from './transaction-view.ts';
export { DeclaredBranchRequest, StepPlace } from './step.ts';
export { QuarantinedView, TransactionsPage, TransactionsQuery } from './transactions-page.ts';
export {
  BranchId,
  CallOp,
  Decision,
  DecisionReason,
  Gid,
  Kind,
  Mode,
  Op,
  ParticipantName,
  ParticipantOrAddress,
  Pattern,
  Reply,
  Status,
} from './vocabulary.ts';
