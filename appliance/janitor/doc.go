// Package janitor removes what a site no longer keeps: messages that are older,
// or more, than their tenant's limits say.
//
// It owns the search for what is to go, and its pace. It never removes anything
// itself: what it finds becomes commands of the state machine, each of bounded
// work, between which everybody else's commands come. The leader of the site
// works; several nodes that think they lead do the same twice, which has no effect.
// Where it has come to is stored with the commands, so that after a restart, or on
// another leader, it goes on.
//
//	tenants ──▶ Queries.Logs ──▶ Queries.Cut ──▶ state.Prune ──▶ raftstore
//	              (a View)         (a View)       ≤ 64 logs
package janitor
