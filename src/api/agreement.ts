/**
 * Proof by the compiler that wire and domain have the same words. Nothing here runs: where the two drift apart, a line
 * of this file no longer compiles.
 */
import type * as wire from '../wire/index.ts';
import type { noticeOf } from '../application/ending-notice.ts';
import type { CallLimits, Participant } from '../application/ports.ts';
import type * as requests from '../application/requests.ts';
import type * as domain from '../domain/index.ts';

type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;
type Fits<Given, Wanted> = Given extends Wanted ? true : false;
type Proven<Claims extends readonly true[]> = Claims;

/** Of a participant's secrets only their number is shown. */
type ShownParticipant = Omit<wire.ParticipantView, 'secretCount'>;
/** The wire's arrays may be written to. */
type KnownParticipant = Readonly<Omit<ShownParticipant, 'baseUrls' | 'activities' | keyof CallLimits>> & {
  readonly baseUrls: readonly string[];
  readonly activities?: Readonly<ShownParticipant['activities']>;
} & Readonly<Partial<Pick<ShownParticipant, keyof CallLimits>>>;

type Writable<Value> = { -readonly [Field in keyof Value]: Value[Field] };
/** What a step refers to stands in its payload, which is shown to nobody. */
type PlacedStep = Omit<Writable<domain.Step>, 'dependsOn' | 'references'> & { dependsOn: string[] };

export type WireAgreesWithDomain = Proven<
  [
    Same<wire.Pattern, domain.Pattern>,
    Same<wire.Mode, domain.Mode>,
    Same<wire.Status, domain.Status>,
    Same<wire.CallOp, domain.Op>,
    Same<wire.Kind, domain.Kind>,
    Same<typeof wire.SERVED_KINDS, typeof domain.SERVED_KINDS>,
    Same<wire.Op, Exclude<domain.Op, 'notify'>>,
    Same<wire.Decision, domain.Decision>,
    Same<wire.DecisionReason, domain.DecisionReason>,
    Same<wire.Reply, NonNullable<domain.Call['reply']>>,
    Same<wire.StepPlace, PlacedStep>,
    Same<wire.CallbackRequest, Writable<domain.Addressee>>,
    Same<Omit<wire.EndingNotice, 'status'>, Omit<ReturnType<typeof noticeOf>, 'status'>>,
    Fits<wire.EndingNotice['status'], domain.Status>,
    Fits<wire.BeginRequest, requests.BeginRequest>,
    Fits<wire.BranchRequest, requests.BranchRequest>,
    Fits<ShownParticipant, Omit<Participant, 'secrets'>>,
    Fits<Omit<Participant, 'secrets'>, KnownParticipant>,
    Same<Extract<keyof wire.ParticipantView, 'secrets'>, never>,
  ]
>;
