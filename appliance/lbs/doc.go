// Package lbs answers the first question of every client: where do I connect?
//
//	client ── GET /lbs?k=<appkey> ──▶ Server ── does the appkey exist? ──▶ tenants
//	client ◀── access points in order, Link public key, TTL ──┘
//
// It owns the choice and its JSON form; README.md describes the form for people
// who write a client. It keeps no state, looks up no account, and never says
// more about a tenant than that its appkey exists: the appkey is in every copy
// of the tenant's app, so that is no secret, and a client with a wrong one must
// be told so at once.
package lbs
