// Package appliance puts one Yizhan node together: the replicated store, the
// state machine, the request handlers, fan-out and the Link gateway.
//
//	link ──▶ session.Handler (app) ──▶ raftstore ──▶ state
//	  ▲                                               │ results, in order
//	  └───────────── session.Hub ◀──── fanout ◀───────┘
//	api, lbs, files ──▶ app
//
// It owns their order of start and stop, and nothing else: every decision is in
// one of the packages below it. It knows no Caddy; caddymodules gives it
// listeners and serves its HTTP handlers.
package appliance
