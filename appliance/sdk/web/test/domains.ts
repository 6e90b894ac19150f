// Teams, relations, operations and the list of conversations, as scenarios for a real
// node: the fake site has none of them.

import type { Conversation } from "../src/conversation";
import { ServerError } from "../src/errors";
import { MemoryStore } from "../src/memory";
import { Relations } from "../src/relations";
import { Teams } from "../src/teams";
import { MessageType } from "../src/types";
import { until } from "./helpers";
import { refusal, type Scenario, type Stage, same } from "./scenarios";

async function code(promise: Promise<unknown>): Promise<number> {
  const err = await refusal(promise);
  return err instanceof ServerError ? err.code : 0;
}

/** The code with which the server has refused what was sent first of what waits. */
function failure(conversation: Conversation): number {
  const [first] = conversation.pending();
  return first?.error instanceof ServerError ? first.error.code : 0;
}

/** An account with its teams and relations, not yet connected. */
function make(stage: Stage, side: "alice" | "bob", options: Parameters<Stage["make"]>[1] = {}) {
  const actor = stage.make(side, options);
  return { ...actor, teams: new Teams(actor.client), relations: new Relations(actor.client) };
}

async function connect(stage: Stage, side: "alice" | "bob", options: Parameters<Stage["make"]>[1] = {}) {
  const actor = make(stage, side, options);
  await actor.client.connect();
  return actor;
}

export const domains: Scenario[] = [
  {
    name: "a team: invited, in it, its log, roles, mutes, receipts, out of it",
    async run(stage) {
      const alice = await connect(stage, "alice");
      const bob = await connect(stage, "bob");
      const bobs = stage.place.bob.account;
      const { team, failed } = await alice.teams.create({ team: { name: stage.tag }, members: [bobs], note: "come" });
      same(failed, []);
      await until("invited", () => bob.teams.invitations().some((c) => c.peer === team.id));
      same(bob.teams.invitations().find((c) => c.peer === team.id)?.team?.note, "come");
      const theirs = bob.teams.team(team.id);
      await theirs.answer(true);
      await until("in it", () => bob.teams.all().some((c) => c.peer === team.id));

      const texts = stage.texts(5);
      for (const text of texts) {
        team.conversation.send({ body: text, receipt: true, mentions: [bobs] });
      }
      await stage.hears(bob, texts);
      await stage.hears(alice, texts);
      const last = bob.seen.messages.find((m) => m.body === texts[4])!;
      same([last.scene, last.peer, last.own, last.mentions], ["team", team.id, false, [bobs]]);
      same(bob.client.conversations().find((c) => c.peer === team.id)?.unread, 5);
      const notices = alice.seen.messages.filter((m) => m.peer === team.id && m.type === MessageType.TeamNotice);
      same(notices.map((m) => m.event?.kind).slice(0, 2), ["created", "joined"]);

      let receipt = 0;
      alice.teams.on("receipt", (event) => {
        receipt = event.seq;
      });
      await theirs.conversation.markRead();
      await until("the receipt", () => receipt >= last.seq);
      same(await team.receipts([last.seq]), [{ seq: last.seq, read: 1, unread: 0 }]);
      same(await team.readers(last.seq), { read: [bobs], unread: [] });
      same(theirs.conversation.info.unread, 0);

      same(await code(theirs.update({ announcement: "mine" })), 802);
      await team.setManagers([bobs], true);
      await until("a manager", () => theirs.conversation.info.team?.self?.role === "manager");
      await theirs.update({ announcement: "ours", joinMode: "verify" });
      same((await team.info())?.announcement, "ours");
      same((await alice.teams.info([team.id, "9999999"])).length, 1);
      await team.setManagers([bobs], false);
      await theirs.updateSelf({ nick: "Bobby", notifyOff: true });
      const { members, more } = await team.members({ limit: 1, after: stage.place.alice.account });
      same([members[0]?.nick, members[0]?.role, more], ["Bobby", "member", false]);
      await team.mute("members");
      const out = theirs.conversation.send("no");
      await until("refused", () => theirs.conversation.pending().some((o) => o.clientId === out.clientId && o.error));
      same(failure(theirs.conversation), 812);
      theirs.conversation.discard(out.clientId);
      await team.mute("none");
      await team.kick([bobs]);
      await until("kicked", () => theirs.conversation.info.team?.standing === "kicked");
      same(
        bob.client.conversations().some((c) => c.peer === team.id),
        false,
      );

      let asked = "";
      alice.teams.on("application", ({ application }) => {
        asked = application.account;
      });
      same(await theirs.join("again"), "applied");
      await until("an application", () => asked === bobs);
      same(
        (await team.applications()).map((a) => a.note),
        ["again"],
      );
      await team.decide(bobs, true);
      await until("in it again", () => theirs.conversation.info.team?.standing === "member");
      same(await theirs.join(), "member");
      await team.transfer(bobs, { leave: true });
      await until("left", () => team.conversation.info.team?.standing === "left");
      await theirs.dismiss();
      await until("dismissed", () => theirs.conversation.info.team?.standing === "dismissed");
      same(await code(theirs.members()), 803);
      same(alice.seen.mistakes, []); // bob's log has a gap where he was out of the team
    },
  },
  {
    name: "a team that changes while a device is away",
    async run(stage) {
      const store = new MemoryStore();
      const alice = await connect(stage, "alice");
      let bob = await connect(stage, "bob", { store });
      const bobs = stage.place.bob.account;
      const consent = { consent: "none" } as const;
      const { team } = await alice.teams.create({ team: { name: "stays", ...consent }, members: [bobs] });
      const { team: lost } = await alice.teams.create({ team: { name: "goes", ...consent }, members: [bobs] });
      await until("in both", () => bob.teams.all().filter((c) => [team.id, lost.id].includes(c.peer)).length === 2);
      await bob.client.close();

      team.conversation.send(`${stage.tag} 1`);
      await until("sent", () => team.conversation.pending().length === 0);
      await lost.kick([bobs]);
      const { team: found } = await alice.teams.create({ team: { name: "new", ...consent }, members: [bobs] });

      bob = make(stage, "bob", { store });
      await bob.client.load();
      same(bob.teams.team(lost.id).conversation.info.team?.standing, "member"); // as far as it knows
      await bob.client.connect();
      await stage.hears(bob, [`${stage.tag} 1`]);
      same(bob.teams.team(lost.id).conversation.info.team?.standing, "kicked");
      same(bob.teams.team(found.id).conversation.info.team?.standing, "member");
      for (const one of [team, found]) {
        await one.dismiss();
      }
    },
  },
  {
    name: "a mega-team: joined, said in, paged",
    async run(stage) {
      const alice = await connect(stage, "alice");
      const bob = await connect(stage, "bob");
      const { team } = await alice.teams.create({ team: { name: stage.tag, wholeHistory: true }, mega: true });
      same(await bob.teams.team(team.id).join(), "member");
      team.conversation.send(`${stage.tag} 1`);
      await stage.hears(bob, [`${stage.tag} 1`]);
      same(bob.client.openTeam(team.id).info.team?.mega, true);
      same(
        (await team.members({ filter: "managers" })).members.map((m) => m.role),
        ["owner"],
      );
      same((await team.members({ limit: 1 })).more, true);
      same(await code(team.receipts([1])), 814);
      await team.dismiss();
      await until("dismissed", () => bob.client.openTeam(team.id).info.team?.standing === "dismissed");
    },
  },
  {
    name: "friends, requests, lists and notes, learned by who was away too",
    async run(stage) {
      const store = new MemoryStore();
      const [alices, bobs] = [stage.place.alice.account, stage.place.bob.account];
      const alice = await connect(stage, "alice");
      let bob = await connect(stage, "bob", { store });
      await bob.relations.setFriendMode("verify");
      same(await code(alice.relations.add(bobs)), 403);
      const notes: string[] = [];
      bob.relations.on("change", ({ by, note }) => notes.push(`${by} ${note}`));
      same((await alice.relations.ask(bobs, "please"))?.request, "sent");
      await until("asked", () => bob.relations.requests().length === 1);
      same(notes, [`${alices} please`]);
      await bob.client.close();
      await alice.relations.setMuted(bobs, true);
      await alice.relations.remove(bobs);
      await alice.relations.ask(bobs, "once more");

      bob = make(stage, "bob", { store });
      await bob.client.load();
      same(bob.relations.get(alices)?.requestNote, "please");
      await bob.client.connect();
      same([bob.relations.get(alices)?.requestNote, bob.relations.friendMode], ["once more", "verify"]);
      await bob.relations.answer(alices, true);
      await until("friends", () => alice.relations.get(bobs)?.friend === true);
      same((await alice.relations.update(bobs, { alias: "Bobby" }))?.alias, "Bobby");
      same(
        alice.relations.friends().map((r) => [r.account, r.alias, r.muted]),
        [[bobs, "Bobby", true]],
      );

      await bob.relations.setBlacklisted(alices, true);
      const chat = alice.client.open(bobs);
      const out = chat.send("unwanted");
      await until("refused", () => chat.pending().some((o) => o.state === "failed"));
      same(failure(chat), 7101);
      chat.discard(out.clientId);
      await bob.relations.setBlacklisted(alices, false);
      await alice.relations.setMuted(bobs, false);
      await alice.relations.remove(bobs, { forget: true });
      await until("over", () => bob.relations.get(alices) === undefined);
      same(alice.relations.all(), []);
      await bob.relations.setFriendMode("anyone");
    },
  },
  {
    name: "edits, reactions, pins, replies and deletions, for who was away too",
    async run(stage) {
      const store = new MemoryStore();
      const alice = await connect(stage, "alice");
      let bob = await connect(stage, "bob", { store });
      const chat = alice.client.open(stage.place.bob.account);
      const texts = stage.texts(6);
      for (const text of texts) {
        chat.send(text);
      }
      await stage.hears(bob, texts);
      await stage.hears(alice, texts);
      const [one, two, three, four, five, six] = texts.map(
        (text) => bob.seen.messages.find((m) => m.body === text)!.seq,
      );
      let theirs = bob.client.open(stage.place.alice.account);
      await theirs.react(one!, "👍");
      await until("a reaction", () => alice.seen.updates.some((u) => u.seq === one));
      await bob.client.close();

      await chat.edit(two!, `${stage.tag} edited`, "why");
      await chat.edit(two!, `${stage.tag} edited twice`);
      await chat.react(one!, "👍");
      await chat.react(one!, "🎉");
      await chat.react(one!, "🎉", true);
      await chat.pin(three!);
      chat.send({ body: `${stage.tag} 7`, replyTo: one });
      await until("the reply", () => chat.pending().length === 0);
      await chat.deleteForMe([four!]);
      await chat.recall(five!);

      bob = make(stage, "bob", { store });
      await bob.client.connect();
      theirs = bob.client.open(stage.place.alice.account);
      await stage.hears(bob, [`${stage.tag} 7`]);
      const fresh = stage.make("bob", { platform: "pc", store: new MemoryStore() });
      await fresh.client.connect();
      for (const [who, conversation] of [
        ["the store", theirs],
        ["the server", fresh.client.open(stage.place.alice.account)],
        ["the sender", chat],
      ] as const) {
        const { messages } = await conversation.history();
        const at = (seq: number) => messages.find((m) => m.seq === seq)!;
        const reactions = at(one!).changes?.reactions.map((r) => [r.emoji, r.count, r.mine, [...r.accounts].sort()]);
        same([who, reactions], [who, [["👍", 2, true, [stage.place.alice.account, stage.place.bob.account].sort()]]]);
        same([who, at(one!).changes?.replies], [who, 1]);
        same([who, at(two!).body, at(two!).ext, at(two!).changes?.edits], [who, `${stage.tag} edited twice`, "", 2]);
        same([who, at(three!).changes?.pinned], [who, true]);
        same([who, at(four!).hidden], [who, conversation === chat]);
        same([who, at(five!).recalled, at(five!).body], [who, true, ""]);
      }
      same(
        bob.client.conversations().find((c) => c.conversation === theirs.conversation)?.lastMessage?.body,
        `${stage.tag} 7`,
      );
      const { root, messages } = await theirs.thread(one!);
      same([root?.seq, messages.map((m) => m.body)], [one, [`${stage.tag} 7`]]);
      same(
        (await theirs.pins()).pins.map((p) => [p.message.seq, p.by]),
        [[three, stage.place.alice.account]],
      );
      same((await theirs.reactions(one!, "👍")).accounts.length, 2);
      await chat.pin(three!, true);
      await until("unpinned", () => bob.seen.updates.some((u) => u.seq === three && u.entry.op?.undone));
      same(await code(theirs.edit(six!, "not mine")), 403);
      same([bob.seen.mistakes, alice.seen.mistakes], [[], []]);
    },
  },
  {
    name: "options, forwards, merged forwards and messages for who is online",
    async run(stage) {
      const alice = await connect(stage, "alice");
      const bob = await connect(stage, "bob");
      const chat = alice.client.open(stage.place.bob.account);
      const online: string[] = [];
      bob.client.on("online_message", (m) => online.push(m.body));
      chat.send(`${stage.tag} 1`);
      chat.send({ body: `${stage.tag} quiet`, options: { noBadge: true }, push: { content: "hi" }, subType: 7 });
      const gone = chat.send({ body: `${stage.tag} now`, options: { onlineOnly: true } });
      await until("all", () => online.length === 1 && stage.heard(bob).length === 2);
      await until("settled", () => chat.pending().length === 0);
      same(online, [gone.body]);
      const [one, quiet] = bob.seen.messages.filter((m) => m.body.startsWith(stage.tag));
      same([quiet?.options?.noBadge, quiet?.push?.content, quiet?.subType], [true, "hi", 7]);
      const info = () => bob.client.open(stage.place.alice.account).info;
      await bob.client.open(stage.place.alice.account).markRead(one!.seq - 1);
      same(info().unread, 1);

      const peer = stage.place.bob.account;
      chat.send({ forward: { peer, seq: one!.seq } });
      chat.send({ body: "two of them", merged: [one!, quiet!].map(({ seq }) => ({ peer, seq })) });
      await until("the merged", () => bob.seen.messages.some((m) => m.type === MessageType.Merged));
      const [forwarded, merged] = bob.seen.messages.slice(-2);
      same([forwarded?.body, forwarded?.origin?.from], [`${stage.tag} 1`, stage.place.alice.account]);
      same(
        merged?.merged.map((m) => m.body),
        [`${stage.tag} 1`, `${stage.tag} quiet`],
      );
      await until("both have a place", () => chat.pending().length === 0);
      same(
        alice.seen.messages.slice(-2).map((m) => m.body),
        [`${stage.tag} 1`, "two of them"],
      );
      const found = await chat.find({ types: [MessageType.Merged], reverse: true, limit: 1 });
      same(
        found.messages.map((m) => m.seq),
        [merged!.seq],
      );
      same(
        (await chat.find({ ids: [one!.id] })).messages.map((m) => m.seq),
        [one!.seq],
      );
    },
  },
  {
    name: "the list of conversations: top, muted, unread, removed and cleared, on all devices",
    async run(stage) {
      const store = new MemoryStore();
      const alice = await connect(stage, "alice");
      const desk = await connect(stage, "bob", { platform: "pc" });
      let bob = await connect(stage, "bob", { store });
      const name = stage.place.alice.account;
      const texts = stage.texts(2);
      for (const text of texts) {
        alice.client.open(stage.place.bob.account).send(text);
      }
      await stage.hears(bob, texts);
      const chat = bob.client.open(name);
      await chat.markRead();
      await chat.setTop(true);
      await chat.setMuted(true);
      await chat.setMarkedUnread(true);
      await chat.setExt("mine");
      const there = () => desk.client.open(name).info;
      await until("on the other device", () => there().setting?.ext === "mine");
      same([there().top, there().muted, there().markedUnread], [true, true, true]);
      same(desk.client.conversations()[0]?.peer, name);
      same((await bob.client.unread()).marked >= 1, true);
      await bob.client.close();

      const other = desk.client.open(name);
      await other.setTop(false);
      await other.setMuted(false);
      await other.clear();
      await other.remove();
      same(
        desk.client.conversations().some((c) => c.peer === name),
        false,
      );
      await desk.client.setDoNotDisturb({ on: true, quiet: { from: 1320, to: 480, utcOffset: -60 } });

      bob = make(stage, "bob", { store });
      await bob.client.load();
      same(bob.client.open(name).info.top, true); // as far as it knows
      await bob.client.connect();
      const now = bob.client.open(name).info;
      same([now.top, now.muted, now.markedUnread, now.removed, now.setting?.ext], [false, false, false, true, "mine"]);
      same(await bob.client.open(name).history(), { messages: [], more: false });
      same([bob.client.doNotDisturb.on, bob.client.doNotDisturb.quiet?.utcOffset], [true, -60]);
      await bob.client.setDoNotDisturb({ on: false, noQuiet: true });
      await until("disturbed again", () => !desk.client.doNotDisturb.on);
      alice.client.open(stage.place.bob.account).send(`${stage.tag} 3`);
      await stage.hears(bob, [`${stage.tag} 3`]);
      same(bob.client.conversations().find((c) => c.peer === name)?.unread, 1);
      await bob.client.readAll();
      same(bob.client.conversations().find((c) => c.peer === name)?.unread, 0);
    },
  },
];
