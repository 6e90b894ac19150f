// Package secure opens and protects a Link connection: the Noise handshake, the
// sealed records that follow it, and the compression of what the records hold.
//
// It owns bytes and keys. It never does I/O, keeps no deadline and does not know
// what a frame means; a gateway hands it what it has read and writes what it
// returns. PROTOCOL.md describes the same for people who implement a client in
// another language, and testdata/vectors.json lets them check it.
//
//	client                                    server
//	NewClientHandshake ─ Hello ─────────────▶ ServerKey.Accept
//	Finish ◀──────────── reply or refusal ─── (reply, *Channel)
//	Channel.Seal ─────── records ───────────▶ Channel.Open
//	Channel.Open ◀────── records ──────────── Channel.Seal
//
// A hello can be replayed by anyone who has seen it: the server then spends one
// handshake, and the replayer cannot read the reply nor seal a record. That is
// why the caller must
//
//   - give the whole handshake and the first record one deadline, and
//   - take nothing but a login from the first record.
//
// Package link does both.
package secure
