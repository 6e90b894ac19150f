// Package callback asks a tenant's backend over HTTP before operations of its
// users, in the conventions of Yunxin's third-party callback (facts/yunxin-api.md
// §9). README.md is for who writes such a backend.
//
//	app ── Ask ──▶ breaker ─▶ slots of the tenant ─▶ POST ─▶ the tenant's URL
//	app ◀─ nil, or why not ◀── policy, if there is none ◀── answer
//
// It owns the questions' and answers' form, the connections to the backends, how
// many questions a tenant may have under way, and when a backend that does not
// answer is left alone for a while. It never decides who is asked about what
// (package app), never follows a redirect, and never logs a message, a secret or a
// URL.
//
// What one tenant's backend does costs other tenants nothing but memory: slots,
// queue and breaker are each tenant's own, and no goroutine waits for two tenants.
package callback
