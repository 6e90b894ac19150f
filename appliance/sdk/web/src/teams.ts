import { newId } from "./async";
import { type Client, coreOf } from "./client";
import type { Init, Request } from "./codec";
import type { Conversation } from "./conversation";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import { Code, ServerError, UsageError } from "./errors";
import { checkSeq } from "./protojson";
import type { ConversationInfo } from "./types";
import * as wire from "./wire.gen";

/** Events of Teams. What this account is to a team is the Client's event "team", and in ConversationInfo. */
export interface TeamsEvents {
  /** Somebody wants to join a team that this account manages. */
  application: [event: { team: string; application: wire.TeamApplication }];
  /** reader has read this account's messages with receipt that are behind afterSeq, up to seq. */
  receipt: [event: wire.TeamReceiptPush];
}

/** What team to make. */
export interface NewTeam {
  /** The name is required. */
  team: Init<wire.TeamChanges>;
  /** Are invited, at most 199. */
  members?: string[];
  /** For those who are asked for consent. */
  note?: string;
  /**
   * For up to 100,000 members and more. It is used as any team, but its log does not
   * tell who comes and goes, and there are no receipts.
   */
  mega?: boolean;
  /** Makes the call repeatable within a week; one is made if it is missing. */
  clientId?: string;
}

/**
 * Teams and mega-teams: conversations of many accounts. Client.openTeam has their
 * messages. A call for which the account lacks the role is refused with 802, of a team
 * that is gone with 803, and of one that the account is not in with 804.
 */
export class Teams extends Emitter<TeamsEvents> {
  readonly #client: Client;
  readonly #core: Core;

  /** Make it before the client loads or connects. */
  constructor(client: Client) {
    super();
    this.#client = client;
    this.#core = coreOf(client);
    this.#core.onPush(wire.teamApplicationPush, ({ team, application }) => {
      if (application) {
        this.emit("application", { team, application });
      }
    });
    this.#core.onPush(wire.teamReceiptPush, (event) => this.emit("receipt", event));
  }

  /** Makes a team that this account owns. failed could not be invited: unknown, or in too many teams. */
  async create(what: NewTeam): Promise<{ team: Team; failed: string[] }> {
    const { team: changes, members, note, mega } = what;
    const request = { clientId: what.clientId ?? newId(), team: changes, members, note, mega };
    const { team, failed } = await this.#core.calls.call(wire.createTeam, request);
    return { team: this.team(team), failed };
  }

  /** The team with this number; it asks nobody. */
  team(id: string): Team {
    return new Team(this.#client, this.#core, id);
  }

  /** The teams that this account is in, as far as it is known here; their conversations need not be in the list. */
  all(): ConversationInfo[] {
    return this.#having("member");
  }

  /** Teams that wait for this account's answer: Team.answer. */
  invitations(): ConversationInfo[] {
    return this.#having("invited");
  }

  #having(standing: wire.TeamStanding): ConversationInfo[] {
    return this.#core.feed.all().filter((c) => c.team?.standing === standing);
  }

  /** The data of at most 50 teams; those that do not exist are left out. Read again when a team's infoVersion grows. */
  async info(ids: string[]): Promise<wire.Team[]> {
    return (await this.#core.calls.call(wire.teams, { teams: ids })).teams;
  }
}

/** Which members Team.members reads. */
export interface MembersPage {
  /** The last account of the page before. */
  after?: string;
  /** 1–200, default 100. */
  limit?: number;
  filter?: wire.TeamMemberFilter;
}

/** One team, by its number. It keeps no state. */
export class Team {
  readonly #client: Client;
  readonly #core: Core;

  /** @internal */
  constructor(
    client: Client,
    core: Core,
    /** The team's number. */
    readonly id: string,
  ) {
    this.#client = client;
    this.#core = core;
  }

  /** Its messages. */
  get conversation(): Conversation {
    return this.#client.openTeam(this.id);
  }

  /** Its data; undefined when there is no such team. */
  async info(): Promise<wire.Team | undefined> {
    return (await this.#core.calls.call(wire.teams, { teams: [this.id] })).teams[0];
  }

  /** One page of members in the order of their names. A mega-team has very many: read them only when they are wanted. */
  members(page: MembersPage = {}): Promise<wire.TeamMembersResponse> {
    return this.#core.calls.call(wire.teamMembers, { team: this.id, ...page });
  }

  /** Brings accounts in, or asks them, as the team's consent says; 1–200. */
  invite(accounts: string[], note = ""): Promise<wire.InviteTeamResponse> {
    return this.#core.calls.call(wire.inviteTeam, { team: this.id, accounts, note });
  }

  /** Makes this account a member, or asks the managers: the result says which. Who is a member already is one after it. */
  async join(note = ""): Promise<wire.TeamStanding> {
    try {
      return (await this.#core.calls.call(wire.joinTeam, { team: this.id, note })).standing;
    } catch (err) {
      if (err instanceof ServerError && err.code === Code.AlreadyInTeam) {
        return "member";
      }
      throw err;
    }
  }

  /** Answers this account's own invitation. */
  answer(accept: boolean, note = ""): Promise<void> {
    return this.#change(wire.answerTeam, { team: this.id, accept, note });
  }

  /** Who wants to join, at most 200; for managers. */
  async applications(): Promise<wire.TeamApplication[]> {
    return (await this.#core.calls.call(wire.teamApplications, { team: this.id })).applications;
  }

  /** Answers the application of account; for managers. */
  decide(account: string, accept: boolean, note = ""): Promise<void> {
    if (!account) {
      throw new UsageError("decide needs an account: answer is for this account's own invitation");
    }
    return this.#change(wire.answerTeam, { team: this.id, account, accept, note });
  }

  /** Changes those fields that are given, the announcement among them. */
  update(changes: Init<wire.TeamChanges>): Promise<void> {
    return this.#change(wire.updateTeam, { team: this.id, changes });
  }

  /** Changes this account's own nick, custom data and notifications in the team. */
  updateSelf(changes: Init<wire.TeamMemberChanges>): Promise<void> {
    return this.#change(wire.updateTeamMember, { team: this.id, changes });
  }

  /** Changes the nick or custom data of another member; for managers. */
  updateMember(account: string, changes: Init<wire.TeamMemberChanges>): Promise<void> {
    return this.#change(wire.updateTeamMember, { team: this.id, account, changes });
  }

  /** Ends the membership of accounts, 1–200; for managers. */
  kick(accounts: string[]): Promise<void> {
    return this.#change(wire.kickTeam, { team: this.id, accounts });
  }

  /** Makes members managers, or managers members again; the owner's. */
  setManagers(accounts: string[], manager: boolean): Promise<void> {
    return this.#change(wire.setTeamManagers, { team: this.id, accounts, manager });
  }

  /** Keeps members from sending, or lifts that; for managers. */
  muteMembers(accounts: string[], muted: boolean): Promise<void> {
    return this.#change(wire.muteTeamMembers, { team: this.id, accounts, muted });
  }

  /** Says who may not send; for managers. */
  mute(mute: wire.TeamMute): Promise<void> {
    return this.#change(wire.muteTeam, { team: this.id, mute });
  }

  /** Makes a member the owner; with leave this account leaves. */
  transfer(to: string, options: { leave?: boolean } = {}): Promise<void> {
    return this.#change(wire.transferTeam, { team: this.id, to, leave: options.leave });
  }

  /** Ends this account's membership. The owner transfers or dismisses instead. */
  leave(): Promise<void> {
    return this.#change(wire.leaveTeam, { team: this.id });
  }

  /** Ends the team; its owner's. */
  dismiss(): Promise<void> {
    return this.#change(wire.dismissTeam, { team: this.id });
  }

  /** Counts who has read messages that this account has sent with receipt, at most 50; others are left out. */
  async receipts(seqs: number[]): Promise<wire.TeamReceipt[]> {
    return (await this.#core.calls.call(wire.teamReceipts, { team: this.id, seqs })).receipts;
  }

  /** Which members have read such a message, and which have not. */
  async readers(seq: number): Promise<{ read: string[]; unread: string[] }> {
    checkSeq("seq", seq);
    const { read, unread } = await this.#core.calls.call(wire.teamReceipts, { team: this.id, listSeq: seq });
    return { read, unread };
  }

  async #change<A, R>(what: Request<A, R>, argument: Init<A>): Promise<void> {
    await this.#core.calls.call(what, argument);
  }
}
