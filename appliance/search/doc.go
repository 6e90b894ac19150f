// Package search finds messages by their words. Each node has an index of its own
// for each tenant, made from the log by following it: it holds nothing that the
// store does not, may be deleted at any time, and is then made anew.
//
// It owns the folder of the indexes, and the way of a message from the log into
// one. It never delays the log: what has changed is noted in a bounded set, and one
// goroutine reads it later; when the set overflows, or the node was down, the index
// catches up by looking for logs that have changed since the version up to which
// it is complete. It decides nothing about permissions: what a query finds is only
// a hint, and each hit is read from the store, for the account that asks, before it
// is shown. So what was recalled, deleted or pruned is never found, whatever the
// index still holds.
//
//	OnApplied ── results ──▶ dirty logs (≤ 10,000) ──┐
//	start, overflow ───────▶ Queries.Logs ───────────┤ one goroutine
//	                                                 ▼
//	                     Queries.Entries ──▶ documents ──▶ bleve, one index a tenant
//	app ── Search ──▶ terms, conversations ──▶ bleve ──▶ Queries.Found ──▶ messages
package search
