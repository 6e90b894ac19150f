// Package sitestore is a small file tree with locks that all nodes of a site
// share: for TLS certificates, their private keys and ACME accounts. Its methods
// have the shape of certmagic.Storage (Locker, TryLocker and LockLeaseRenewer
// included), but it imports neither Caddy nor certmagic.
//
// It owns the waiting: for the store to accept a command, for a lock, and the
// renewal of the locks that this process holds. It never caches a file, never
// decides about a lock by itself (the state machine does), and never logs a value.
//
//	Store, Delete ── command ──▶ raftstore ──▶ state.Machine ──▶ files
//	Lock, Unlock ─── command ──▶     "              "       ──▶ locks: owner, fence, expiry
//	  └─ one goroutine for each held lock renews its lease until Unlock or Close
//	Load, List, Stat, Exists ──▶ state.Queries ──▶ files, as this node has applied them
//
// README.md has the limits and what becomes of a lock when a node dies.
package sitestore
